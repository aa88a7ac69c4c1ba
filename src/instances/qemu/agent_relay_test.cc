#include "instances/qemu/agent_relay.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "instances/exec_client.h"
#include "instances/qemu/guest_agent.h"

namespace enid::instances {
namespace {

using ::testing::HasSubstr;

// A relay and an agent that speak over a socket as they would over a guest's serial port, in a
// process of its own each, and clients as `enid exec` starts them.
class AgentRelayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/enid-relay-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    start_agent();
    connect();
  }
  void TearDown() override {
    relay_.reset();
    if (agent_ > 0) end_agent();
    std::filesystem::remove_all(folder_);
  }

  void start_agent() {
    const host::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (folder_ + "/agent.sock").c_str());
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    agent_ = ::fork();
    if (agent_ != 0) return;
    host::UniqueFd port(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    (void)GuestAgent(std::move(port)).run();
    ::_exit(0);
  }
  void end_agent() {
    ::kill(agent_, SIGKILL);
    ::waitpid(agent_, nullptr, 0);
    agent_ = -1;
  }
  void connect() {
    Result<std::unique_ptr<AgentRelay>> relay = AgentRelay::start(folder_);
    ASSERT_TRUE(relay.has_value()) << relay.error().message;
    relay_ = *std::move(relay);
  }

  struct Client {
    pid_t process;
    host::UniqueFd input;
    host::UniqueFd output;
    host::UniqueFd errors;

    std::string read_all(const host::UniqueFd& stream) const {
      std::string all;
      std::array<char, 65536> bytes;
      for (ssize_t count; (count = ::read(stream.get(), bytes.data(), bytes.size())) > 0;)
        all.append(bytes.data(), static_cast<std::size_t>(count));
      return all;
    }
    int status() const {
      int status = 0;
      ::waitpid(process, &status, 0);
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
  };

  Client run(const std::string& script) {
    std::array<std::array<int, 2>, 3> pipes{};
    for (auto& pipe : pipes) EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const pid_t process = ::fork();
    if (process == 0) {
      ::dup2(pipes[0][0], 0);
      ::dup2(pipes[1][1], 1);
      ::dup2(pipes[2][1], 2);
      for (auto& pipe : pipes)
        for (const int end : pipe) ::close(end);
      const auto status =
          exec_in_instance(folder_, {.arguments = {"/bin/sh", "-c", script}, .environment = {"X=y"}});
      ::_exit(status ? *status : 99);
    }
    ::close(pipes[0][0]);
    ::close(pipes[1][1]);
    ::close(pipes[2][1]);
    return {process, host::UniqueFd(pipes[0][1]), host::UniqueFd(pipes[1][0]), host::UniqueFd(pipes[2][0])};
  }

  std::string folder_;
  pid_t agent_ = -1;
  std::unique_ptr<AgentRelay> relay_;
};

TEST_F(AgentRelayTest, runs_a_command_with_its_environment_and_tells_its_status) {
  const Client client = run("echo out $X; echo err >&2; exit 7");
  EXPECT_EQ(client.read_all(client.output), "out y\n");
  EXPECT_EQ(client.read_all(client.errors), "err\n");
  EXPECT_EQ(client.status(), 7);
}

TEST_F(AgentRelayTest, carries_much_input_and_output_whole) {
  Client client = run("wc -c; head -c 3000000 /dev/zero");
  std::string sent(1'000'000, 'x');
  for (std::string_view left = sent; !left.empty();) {
    const ssize_t count = ::write(client.input.get(), left.data(), left.size());
    ASSERT_GT(count, 0);
    left.remove_prefix(static_cast<std::size_t>(count));
  }
  client.input.reset();
  EXPECT_EQ(client.read_all(client.output).size(), 3'000'000 + sizeof "1000000");
  EXPECT_EQ(client.status(), 0);
}

TEST_F(AgentRelayTest, lets_no_command_hold_up_another) {
  const Client stuck = run("head -c 10000000 /dev/zero");  // Nobody reads it.
  const Client idle = run("sleep 60");
  const Client quick = run("echo here");
  EXPECT_EQ(quick.read_all(quick.output), "here\n");
  EXPECT_EQ(quick.status(), 0);
  for (const Client* client : {&stuck, &idle}) {
    ::kill(client->process, SIGKILL);
    ::waitpid(client->process, nullptr, 0);
  }
}

TEST_F(AgentRelayTest, passes_signals_on) {
  const Client client = run("trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
  std::array<char, 6> ready{};
  ASSERT_EQ(::read(client.output.get(), ready.data(), ready.size()), 6);
  ::kill(client.process, SIGTERM);
  EXPECT_EQ(client.read_all(client.output), "caught\n");
  EXPECT_EQ(client.status(), 3);
}

TEST_F(AgentRelayTest, hangs_up_when_the_client_dies) {
  const std::string mark = folder_ + "/hung-up";
  // A shell says "Hangup" of its child, and would end by SIGPIPE: its streams have gone too.
  const Client client =
      run("exec 2>/dev/null; trap 'touch " + mark + "; exit' HUP; echo ready; while :; do sleep 0.05; done");
  std::array<char, 6> ready{};
  ASSERT_EQ(::read(client.output.get(), ready.data(), ready.size()), 6);
  ::kill(client.process, SIGKILL);
  ::waitpid(client.process, nullptr, 0);
  for (int i = 0; i < 100 && !std::filesystem::exists(mark); ++i) ::usleep(20'000);
  EXPECT_TRUE(std::filesystem::exists(mark));
}

TEST_F(AgentRelayTest, says_that_there_is_no_such_command_as_a_shell_would) {
  const Client client = run("exec /missing 2>/dev/null");
  EXPECT_EQ(client.status(), 127);
}

TEST_F(AgentRelayTest, gives_a_command_a_terminal_of_the_size_of_the_callers) {
  winsize size{};
  size.ws_row = 33;
  size.ws_col = 101;
  int master = -1;
  const pid_t process = ::forkpty(&master, nullptr, nullptr, &size);
  if (process == 0) {
    const auto status = exec_in_instance(
        folder_, {.arguments = {"/bin/sh", "-c", "stty size; read word; stty size; echo got $word"},
                  .environment = {},
                  .terminal = true});
    ::_exit(status ? *status : 99);
  }
  const host::UniqueFd terminal(master);
  std::string said;
  const auto read_until = [&](const std::string& word) {
    std::array<char, 4096> bytes;
    while (said.find(word) == std::string::npos) {
      const ssize_t count = ::read(terminal.get(), bytes.data(), bytes.size());
      if (count <= 0) break;
      said.append(bytes.data(), static_cast<std::size_t>(count));
    }
    EXPECT_THAT(said, HasSubstr(word));
  };
  read_until("33 101");
  size.ws_row = 44;
  ::ioctl(terminal.get(), TIOCSWINSZ, &size);
  ::usleep(600'000);  // It is looked at four times a second.
  EXPECT_EQ(::write(terminal.get(), "hello\r", 6), 6);
  read_until("44 101");
  read_until("got hello");
  int status = 0;
  ::waitpid(process, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(AgentRelayTest, ends_its_clients_when_the_guest_goes) {
  const Client client = run("echo ready; sleep 60");
  std::array<char, 6> ready{};
  ASSERT_EQ(::read(client.output.get(), ready.data(), ready.size()), 6);
  end_agent();
  EXPECT_EQ(client.status(), 99);
  EXPECT_FALSE(relay_->is_ready());
}

}  // namespace
}  // namespace enid::instances
