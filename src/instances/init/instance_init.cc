#include "instances/init/instance_init.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "instances/init/power_commands.h"
#include "instances/init/program.h"
#include "instances/pseudo_terminal.h"

namespace enid::instances {
namespace {

int number(const std::string& text, int otherwise) {
  int value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_forwarded(int signal_number) {
  static constexpr std::array kForwarded = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
  return std::ranges::find(kForwarded, signal_number) != kForwarded.end();
}

void empty_folder(const char* path) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored))
    std::filesystem::remove_all(entry.path(), ignored);
}

void authorize(const std::string& key) {
  if (key.empty()) return;
  ::mkdir("/root/.ssh", 0700);
  std::ofstream("/root/.ssh/authorized_keys", std::ios::app) << key << "\n";
  ::chmod("/root/.ssh/authorized_keys", 0600);
}

}  // namespace

InstanceInit::InstanceInit(InitSettings settings, Console console, host::UniqueFd listener)
    : settings_(std::move(settings)),
      console_(std::move(console)),
      interfaces_(settings_.hostname),
      listener_(std::move(listener)) {}

Result<void> InstanceInit::prepare() {
  sigset_t held;
  sigemptyset(&held);
  for (const int signal_number : {SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP})
    sigaddset(&held, signal_number);
  ::sigprocmask(SIG_SETMASK, &held, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  signals_ = host::UniqueFd(::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_open()) return errno_failure("hold signals");
  TRY(write_power_commands());
  return interfaces_.prepare();
}

void InstanceInit::run() {
  while (!off_) {
    std::vector<pollfd> waiting = {{signals_.get(), POLLIN, 0},
                                   {console_.master(), POLLIN, 0},
                                   {connections_.size() < kMostConnections ? listener_.get() : -1, POLLIN, 0},
                                   {interfaces_.events(), POLLIN, 0}};
    for (const Connection& connection : connections_) waiting.push_back({connection.socket.get(), POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), poll_timeout_ms()) < 0) continue;

    if (waiting[1].revents != 0) console_.drain();
    if (waiting[0].revents != 0) on_signal();
    if (waiting[3].revents != 0) interfaces_.on_events(console_);
    std::size_t index = 4;
    for (auto connection = connections_.begin(); index < waiting.size() && !off_; ++index) {
      const auto current = connection++;
      if (waiting[index].revents != 0 && !serve(*current)) connections_.erase(current);
    }
    if (waiting[2].revents != 0) accept_connection();
    std::erase_if(connections_, [](const Connection& connection) { return !connection.socket.is_open(); });
    if (std::exchange(reboot_, false)) reboot();
    answer_waiting();
  }
  console_.write("power off");
  end_processes();
}

int InstanceInit::poll_timeout_ms() {
  const auto now = std::chrono::steady_clock::now();
  auto timeout = interfaces_.on_time(console_);
  for (const Connection& connection : connections_)
    if (connection.interface)
      timeout = std::min(timeout, std::chrono::ceil<std::chrono::milliseconds>(connection.give_up - now));
  return static_cast<int>(std::max<std::int64_t>(0, timeout.count()));
}

void InstanceInit::wait_for_lease(Connection& connection, std::string interface) {
  connection.interface = std::move(interface);
  connection.give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLeaseMilliseconds);
}

void InstanceInit::answer_waiting() {
  for (Connection& connection : connections_) {
    if (!connection.interface) continue;
    const std::string& name = *connection.interface;
    const bool configured = name.empty() ? interfaces_.are_all_configured() : interfaces_.is_configured(name);
    if (!configured && std::chrono::steady_clock::now() < connection.give_up) continue;
    if (!configured) console_.write((name.empty() ? "an interface" : name) + " has no DHCP lease yet");
    static_cast<void>(send_message(connection.socket.get(), {configured ? "done" : "late"}));
    connection.interface.reset();
  }
}

void InstanceInit::accept_connection() {
  Connection connection;
  connection.socket =
      host::UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (connection.socket.is_open()) connections_.push_back(std::move(connection));
}

bool InstanceInit::serve(Connection& connection) {
  Result<ControlMessage> message = receive_message(connection.socket.get(), 0);
  if (message && !message->fields.empty()) return obey(connection, *std::move(message));
  // Who asked has gone: the command loses its terminal, as after a line that was cut.
  if (connection.command > 0) {
    ::kill(-connection.command, SIGHUP);
    ::kill(-connection.command, SIGCONT);
  }
  return false;
}

bool InstanceInit::obey(Connection& connection, ControlMessage message) {
  const auto answer = [&](const char* word) {
    return send_message(connection.socket.get(), {word}).has_value();
  };
  if (message.is("exec")) return start_command(connection, std::move(message));
  if (message.is("signal") && message.fields.size() == 2) {
    const int signal_number = number(message.fields[1], 0);
    if (connection.command > 0 && is_forwarded(signal_number)) ::kill(-connection.command, signal_number);
    return true;
  }
  if (message.is("boot") && message.fields.size() == 2) {
    boot(message.fields[1] == "first");
    return answer("done");
  }
  if (message.is("stop")) {
    off_ = true;
    return true;
  }
  if (message.is("reboot")) {
    reboot();
    wait_for_lease(connection, "");
    return true;
  }
  if (message.is("configure") && message.fields.size() == 3) {
    const Result<void> started = interfaces_.configure(
        message.fields[1], MacAddress::parse(message.fields[2]).value_or(MacAddress{}), console_);
    if (!started)
      return send_message(connection.socket.get(), {"refused", started.error().message}).has_value();
    wait_for_lease(connection, message.fields[1]);
    return true;
  }
  if (message.is("forget") && message.fields.size() == 2) {
    interfaces_.forget(message.fields[1]);
    return answer("done");
  }
  return answer("unknown");
}

bool InstanceInit::start_command(Connection& connection, ControlMessage message) {
  const auto refuse = [&](const std::string& why) {
    static_cast<void>(send_message(connection.socket.get(), {"refused", why}));
    return false;
  };
  if (message.fields.size() < 4 || message.descriptors.size() != 3 || connection.command > 0)
    return refuse("a command needs arguments and three streams");
  const auto count = static_cast<std::size_t>(std::max(0, number(message.fields[2], 0)));
  const auto first = message.fields.begin() + 3;
  if (count == 0 || count > message.fields.size() - 3) return refuse("a command needs arguments");
  Program program;
  program.arguments.assign(first, first + static_cast<std::ptrdiff_t>(count));
  program.environment.assign(first + static_cast<std::ptrdiff_t>(count), message.fields.end());
  program.terminal = !message.fields[1].empty();

  PseudoTerminal terminal;
  std::vector<int> sent;
  for (std::size_t i = 0; i < 3; ++i) program.streams[i] = message.descriptors[i].get();
  if (program.terminal) {
    Result<PseudoTerminal> made = PseudoTerminal::make(message.fields[1]);
    if (!made) return refuse(made.error().message);
    terminal = *std::move(made);
    program.streams.fill(terminal.slave.get());
    sent.push_back(terminal.master.get());
  }
  const Result<pid_t> started = start_program(program);
  if (!started) return refuse(started.error().message);
  connection.command = *started;
  return send_message(connection.socket.get(), {"started"}, sent).has_value();
}

void InstanceInit::boot(bool first) {
  if (std::exchange(booted_, true)) return;
  console_.write(settings_.hostname + " has booted");
  if (!first) return;
  authorize(settings_.authorized_key);
  if (settings_.user_data.empty()) return;
  if (!settings_.user_data.starts_with("#!")) {
    console_.write("user data is not a script (it does not begin with #!); not run");
    return;
  }
  constexpr const char* kScript = "/run/enid/user-data";
  std::ofstream(kScript) << settings_.user_data;
  ::chmod(kScript, 0700);
  Program program;
  program.arguments = {kScript};
  program.streams = {-1, console_.slave(), console_.slave()};
  const Result<pid_t> started = start_program(program);
  if (started) user_data_ = *started;
}

void InstanceInit::on_signal() {
  signalfd_siginfo signal{};
  while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
    switch (signal.ssi_signo) {
      case SIGCHLD:
        reap();
        break;
      case SIGUSR1:
      case SIGUSR2:
        off_ = true;
        break;
      case SIGTERM:
      case SIGINT:
        // From outside (a sender whom we cannot name) it means what it means to any service.
        (signal.ssi_pid == 0 ? off_ : reboot_) = true;
        break;
      default:
        break;
    }
  }
}

void InstanceInit::reap() {
  int status = 0;
  for (pid_t ended; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended == user_data_) {
      user_data_ = 0;
      console_.write("user data ended with status " + std::to_string(shell_status(status)));
    }
    interfaces_.on_ended(ended);
    for (Connection& connection : connections_) {
      if (connection.command != ended) continue;
      static_cast<void>(
          send_message(connection.socket.get(), {"exited", std::to_string(shell_status(status))}));
      connection.socket.reset();  // The loop erases it.
      connection.command = 0;
    }
  }
}

void InstanceInit::end_processes() {
  timespec start{};
  ::clock_gettime(CLOCK_MONOTONIC, &start);
  const auto elapsed_milliseconds = [&] {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1'000'000;
  };
  for (const int signal_number : {SIGTERM, SIGKILL}) {
    ::kill(-1, signal_number);
    if (signal_number == SIGTERM) ::kill(-1, SIGCONT);  // The stopped ones must wake to hear it.
    const long limit = signal_number == SIGTERM ? kGraceMilliseconds : kGraceMilliseconds + 500;
    while (elapsed_milliseconds() < limit) {
      reap();
      // Orphans become ours, so no child at all means no process at all.
      siginfo_t child{};
      if (::waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) return;
      std::array<pollfd, 2> waiting = {pollfd{signals_.get(), POLLIN, 0}, {console_.master(), POLLIN, 0}};
      ::poll(waiting.data(), waiting.size(), 20);
      console_.drain();  // Nobody is kept from ending by a full console.
      signalfd_siginfo ignored{};
      while (::read(signals_.get(), &ignored, sizeof ignored) == sizeof ignored) continue;
    }
  }
}

void InstanceInit::reboot() {
  console_.write("reboot");
  end_processes();
  user_data_ = 0;
  empty_folder("/tmp");
  interfaces_.restart();
  console_.write(settings_.hostname + " has booted");
}

}  // namespace enid::instances
