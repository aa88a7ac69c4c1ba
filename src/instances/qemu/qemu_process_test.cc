#include "instances/qemu/qemu_process.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "instances/exec_client.h"
#include "instances/qemu/agent_relay.h"
#include "instances/qemu/boot_archive.h"

namespace enid::instances {
namespace {

using ::testing::HasSubstr;

// A folder as an instance's, gone at the end.
class QemuProcessTest : public ::testing::Test {
 protected:
  QemuProcessTest() {
    std::string name = "/tmp/enid-qemu-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~QemuProcessTest() override { std::filesystem::remove_all(folder_); }

  QemuMachine machine_that_runs(const std::string& script) const {
    const std::string program = folder_ + "/program";
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    ::chmod(program.c_str(), 0700);
    QemuMachine machine;
    machine.name = "test";
    machine.program = program;
    return machine;
  }

  std::string folder_;
};

TEST_F(QemuProcessTest, tells_the_last_words_of_a_qemu_that_does_not_start) {
  const auto started =
      start_qemu(machine_that_runs("echo first; echo 'no such machine' >&2; exit 1"), folder_);
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().message, HasSubstr("no such machine"));
}

TEST_F(QemuProcessTest, says_that_there_is_no_qemu) {
  QemuMachine machine = machine_that_runs("");
  machine.program = folder_ + "/missing";
  const auto started = start_qemu(machine, folder_);
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().message, HasSubstr("missing"));
}

// The rest needs what tools/guest/fetch.sh makes: ENID_TEST_GUEST=STATE/guest.
class RealQemu : public QemuProcessTest {
 protected:
  void SetUp() override {
    const char* guest = std::getenv("ENID_TEST_GUEST");
    if (guest == nullptr) GTEST_SKIP() << "ENID_TEST_GUEST names no folder";
    machine_.name = "test";
    machine_.program = std::string(guest) + "/qemu-system-x86_64";
    machine_.kernel = std::string(guest) + "/vmlinuz";
    machine_.initrd = folder_ + "/initrd";
    const auto files = guest_boot_files({.hostname = "ip-10-0-0-5",
                                         .user_data = "#!/bin/bash\necho user data on $(hostname)\n",
                                         .authorized_key = {}},
                                        ENID_GUEST_AGENT);
    ASSERT_TRUE(files.has_value());
    ASSERT_TRUE(write_initrd(std::string(guest) + "/root.cpio.zst", *files, machine_.initrd).has_value());
    machine_.accelerator = usable_accelerator();
  }

  // A test that fails leaves no machine behind.
  void TearDown() override {
    for (const ProcessIdentity& identity : started_)
      if (identity.is_alive()) ::kill(identity.pid, SIGKILL);
  }
  Result<QemuProcess> start() {
    Result<QemuProcess> qemu = start_qemu(machine_, folder_);
    if (qemu) started_.push_back(qemu->identity());
    return qemu;
  }

  std::string console() const {
    std::ifstream file(folder_ + "/console.log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool wait_for_console(const std::string& text, int seconds = 180) const {
    for (int i = 0; i < seconds * 10; ++i) {
      if (console().find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }

  QemuMachine machine_;

 private:
  std::vector<ProcessIdentity> started_;
};

TEST_F(RealQemu, boots_reboots_and_stops) {
  Result<QemuProcess> qemu = start();
  ASSERT_TRUE(qemu.has_value()) << qemu.error().message;
  EXPECT_EQ((*qemu->control().execute("query-status"))["status"], "running");
  ASSERT_TRUE(wait_for_console("enid: booted")) << console();
  std::filesystem::resize_file(folder_ + "/console.log", 0);
  ASSERT_TRUE(qemu->reboot().has_value());
  EXPECT_TRUE(wait_for_console("enid: booted")) << console();
  EXPECT_TRUE(qemu->control().wait_for_event("RESET", 1000).has_value());
  qemu->stop();
  EXPECT_FALSE(qemu->identity().is_alive());
}

TEST_F(RealQemu, runs_commands_as_any_instance_does) {
  Result<QemuProcess> qemu = start();
  ASSERT_TRUE(qemu.has_value()) << qemu.error().message;
  Result<std::unique_ptr<AgentRelay>> relay = AgentRelay::start(folder_);
  ASSERT_TRUE(relay.has_value()) << relay.error().message;
  const auto wait_for_agent = [&] {
    for (int i = 0; i < 1800 && !(*relay)->is_ready(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return (*relay)->is_ready();
  };
  ASSERT_TRUE(wait_for_agent()) << console();
  const auto run = [&](const std::string& script) {
    return exec_in_instance(folder_, {.arguments = {"/bin/sh", "-c", script}, .environment = {}})
        .value_or(-1);
  };
  EXPECT_EQ(run("[ $(hostname) = ip-10-0-0-5 ] && exit 42"), 42);
  EXPECT_EQ(run("[ $(head -c 1000000 /dev/zero | wc -c) = 1000000 ]"), 0);
  EXPECT_EQ(run("kill -9 $$"), 137);

  // After a reset of the machine the agent is another, behind the same socket.
  ASSERT_TRUE(qemu->reboot().has_value());
  (*relay)->on_guest_reset();
  ASSERT_TRUE(wait_for_agent()) << console();
  EXPECT_EQ(run("exit 43"), 43);

  ASSERT_TRUE((*relay)->ask_to_power_off());
  EXPECT_TRUE(qemu->wait_until_ended(20'000));
}

TEST_F(RealQemu, is_found_again_by_the_next_daemon) {
  Result<QemuProcess> first = start();
  ASSERT_TRUE(first.has_value()) << first.error().message;
  const ProcessIdentity identity = first->identity();
  {
    const QemuProcess gone = *std::move(first);
  }
  Result<QemuProcess> next = QemuProcess::open(identity, folder_);
  ASSERT_TRUE(next.has_value()) << next.error().message;
  EXPECT_TRUE(next->control().execute("query-status").has_value());
  next->stop();
  EXPECT_FALSE(identity.is_alive());
}

}  // namespace
}  // namespace enid::instances
