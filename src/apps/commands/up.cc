// enid up: checks what the daemon needs of the machine, starts it, and says how to use it.
//
// Theory of operation
//   --detach forks before any thread exists. The child becomes the daemon with its log as
//   standard output; it tells the parent through a pipe that it is healthy, or why it is not.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "apps/client_environment.h"
#include "apps/commands/commands.h"
#include "apps/daemon.h"
#include "apps/listen_address.h"
#include "apps/operator_client.h"

namespace enid::apps {
namespace {

Result<void> check_machine() {
  if (::geteuid() != 0) {
    return failure(
        std::make_error_code(std::errc::operation_not_permitted),
        "the daemon makes network namespaces and TAP devices, so it needs root; try: sudo enid up …");
  }
  const int tun = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (tun < 0) {
    return failure(
        std::error_code(errno, std::generic_category()),
        fmt::format("/dev/net/tun cannot be opened ({}); load it with: modprobe tun, or, in a container, "
                    "give it: --device /dev/net/tun --cap-add NET_ADMIN --cap-add SYS_ADMIN",
                    std::strerror(errno)));
  }
  ::close(tun);
  return {};
}

Result<DaemonOptions> daemon_options(const UpOptions& options) {
  const ListenAddress listen = TRY(parse_listen_address(options.listen));
  if (options.auth_none && !listen.loopback) {
    return failure(
        std::make_error_code(std::errc::invalid_argument),
        "--auth none believes everybody, so it listens on loopback only; leave out one of the two");
  }
  return DaemonOptions{.folder = StateFolder(options.state),
                       .host = listen.host,
                       .port = listen.port,
                       .auth_none = options.auth_none,
                       .strict_images = options.strict_images,
                       .seed = options.seed,
                       .network_cards = {.network_cards = options.network_cards,
                                         .virtual_functions_per_card = options.virtual_functions_per_card}};
}

std::string state_flag(const std::string& state) { return state == kDefaultState ? "" : " --state " + state; }

// How the user calls this very program.
std::string own_name() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) return "enid";
  const std::string program(path, static_cast<std::size_t>(length));
  char folder[4096];
  if (::getcwd(folder, sizeof folder) != nullptr && program.starts_with(std::string(folder) + "/")) {
    return program.substr(std::strlen(folder) + 1);
  }
  return program;
}

void greet(const StateFolder& folder) {
  const auto environment = client_environment(folder);
  if (!environment) return;
  const std::string sudo = std::getenv("SUDO_USER") != nullptr ? "sudo " : "";
  const std::string enid = sudo + own_name();
  const std::string state = state_flag(folder.path());
  fmt::print(
      "  endpoint           {}\n"
      "  access key id      {}\n"
      "  secret access key  {}\n"
      "try next:\n"
      "  {} aws{} ec2 describe-subnets --output table\n"
      "  {} aws{} ec2 run-instances --image-id ami-0123456789abcdef0 --instance-type t3.micro --count 2\n"
      "  {} status{}\n",
      environment->endpoint, environment->access_key_id, environment->secret_access_key, enid, state, enid,
      state, enid, state);
}

int run_in_foreground(const DaemonOptions& options) {
  auto daemon = Daemon::create(options);
  if (!daemon) return complain(daemon.error(), 1);
  fmt::print("enid is up (process {}), state in {}; Ctrl-C stops it and its instances\n", ::getpid(),
             options.folder.path());
  greet(options.folder);
  std::fflush(stdout);
  (*daemon)->wait_for_shutdown();
  (*daemon)->stop();
  return 0;
}

void leave_the_terminal(const StateFolder& folder) {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int log = ::open(folder.log_file().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log < 0 ? nothing : log, STDOUT_FILENO);
  ::dup2(log < 0 ? nothing : log, STDERR_FILENO);
  if (::chdir("/") != 0) { /* Only keeps a mount busy. */
  }
}

[[noreturn]] void run_as_daemon(const DaemonOptions& options, int report) {
  leave_the_terminal(options.folder);
  const auto tell = [report](const std::string& text) {
    if (::write(report, text.data(), text.size()) < 0) { /* The parent is gone; the log has it. */
    }
    ::close(report);
  };
  auto daemon = Daemon::create(options);
  if (!daemon) {
    fmt::print(stderr, "enid: {}\n", daemon.error().message);
    tell(daemon.error().message);
    std::_Exit(1);
  }
  tell("up");
  (*daemon)->wait_for_shutdown();
  (*daemon)->stop();
  std::fflush(nullptr);
  std::_Exit(0);
}

// Reads what the child says until it closes its end.
std::string hear(int pipe) {
  std::string text;
  char chunk[512];
  for (ssize_t got = 0; (got = ::read(pipe, chunk, sizeof chunk)) > 0;) {
    text.append(chunk, static_cast<std::size_t>(got));
  }
  return text;
}

int run_detached(const DaemonOptions& options) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return complain(errno_failure("make a pipe").error(), 1);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return complain(errno_failure("fork").error(), 1);
  if (child == 0) {
    ::close(report[0]);
    run_as_daemon(options, report[1]);
  }
  ::close(report[1]);
  const std::string said = hear(report[0]);
  if (said != "up") {
    ::waitpid(child, nullptr, 0);
    fmt::print(stderr, "enid: {}\n",
               said.empty() ? "the daemon died while it started; see " + options.folder.log_file() : said);
    return 1;
  }
  fmt::print("enid is up (process {}), state in {}\n", child, options.folder.path());
  greet(options.folder);
  return 0;
}

// A second `enid up --detach` finds its work done.
int find_already_up(const StateFolder& folder, pid_t pid) {
  fmt::print("enid is already up (process {}), state in {}\n", pid, folder.path());
  greet(folder);
  return 0;
}

}  // namespace

int run_up(const UpOptions& options) {
  const auto daemon = daemon_options(options);
  if (!daemon) return complain(daemon.error(), 1);
  if (const auto ready = check_machine(); !ready) return complain(ready.error(), 1);
  if (const auto prepared = daemon->folder.prepare(); !prepared) return complain(prepared.error(), 1);
  if (!options.detach) return run_in_foreground(*daemon);
  if (const auto pid = daemon->folder.running_daemon()) {
    const std::string wanted = fmt::format("http://{}:{}", daemon->host, daemon->port);
    if (daemon->port == 0 || daemon->folder.endpoint() == wanted)
      return find_already_up(daemon->folder, *pid);
    fmt::print(stderr, "enid: another enid (process {}) already runs on the state {} and listens on {}\n",
               *pid, daemon->folder.path(), daemon->folder.endpoint());
    return 1;
  }
  return run_detached(*daemon);
}

}  // namespace enid::apps
