// enid up: checks what the daemon needs of the machine, starts it, and says how to use it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstring>

#include "apps/background.h"
#include "apps/client_environment.h"
#include "apps/commands/commands.h"
#include "apps/daemon.h"
#include "apps/listen_address.h"
#include "apps/operator_client.h"

namespace enid::apps {

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

namespace {

Result<DaemonOptions> daemon_options(const UpOptions& options) {
  const ListenAddress listen = TRY(parse_listen_address(options.listen));
  if (options.auth_none && !listen.loopback) {
    return failure(
        std::make_error_code(std::errc::invalid_argument),
        "--auth none believes everybody, so it listens on loopback only; leave out one of the two");
  }
  std::optional<Ipv4Address> underlay_address;
  if (!options.underlay_address.empty()) {
    underlay_address = Ipv4Address::parse(options.underlay_address);
    if (!underlay_address)
      return failure(std::make_error_code(std::errc::invalid_argument),
                     "--underlay-address: '" + options.underlay_address + "' is not an IPv4 address");
  }
  if (!options.cards_listen.empty()) TRY(parse_listen_address(options.cards_listen));
  return DaemonOptions{.folder = StateFolder(options.state),
                       .host = listen.host,
                       .port = listen.port,
                       .auth_none = options.auth_none,
                       .strict_images = options.strict_images,
                       .seed = options.seed,
                       .network_cards = {.network_cards = options.network_cards,
                                         .virtual_functions_per_card = options.virtual_functions_per_card},
                       .with_card = !options.no_card,
                       .rules = options.rules,
                       .underlay_address = underlay_address,
                       .cards_listen = options.cards_listen};
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
  const StartProgram start = [daemon = *daemon]() -> Result<std::function<void()>> {
    auto parts = std::shared_ptr<Daemon>(TRY(Daemon::create(daemon)));
    return [parts] {
      parts->wait_for_shutdown();
      parts->stop();
    };
  };
  const auto tell = [&](pid_t pid) {
    fmt::print("enid is up (process {}), state in {}{}\n", pid, daemon->folder.path(),
               options.detach ? "" : "; Ctrl-C stops it and its instances");
    greet(daemon->folder);
  };
  if (!options.detach) return run_in_foreground(start, tell);
  if (const auto pid = daemon->folder.running_daemon()) {
    const std::string wanted = fmt::format("http://{}:{}", daemon->host, daemon->port);
    if (daemon->port == 0 || daemon->folder.endpoint() == wanted)
      return find_already_up(daemon->folder, *pid);
    fmt::print(stderr, "enid: another enid (process {}) already runs on the state {} and listens on {}\n",
               *pid, daemon->folder.path(), daemon->folder.endpoint());
    return 1;
  }
  return run_in_background(daemon->folder, start, tell);
}

}  // namespace enid::apps
