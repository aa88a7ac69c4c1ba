#include "instances/exec_client.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <utility>

#include "instances/control_message.h"

namespace enid::instances {
namespace {

constexpr int kMomentMilliseconds = 2'000;

// The caller's terminal in raw mode, until the end of the scope.
class RawTerminal {
 public:
  explicit RawTerminal(bool wanted) {
    if (!wanted || ::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    active_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  ~RawTerminal() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool active_ = false;
};

// Signals arrive as something to read while this lives.
class HeldSignals {
 public:
  HeldSignals() {
    sigset_t held;
    sigemptyset(&held);
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH})
      sigaddset(&held, number);
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
    descriptor_ = host::UniqueFd(::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  int get() const { return descriptor_.get(); }
  int next() const {  // 0: none.
    signalfd_siginfo signal{};
    return ::read(descriptor_.get(), &signal, sizeof signal) == sizeof signal
               ? static_cast<int>(signal.ssi_signo)
               : 0;
  }

 private:
  sigset_t before_{};
  host::UniqueFd descriptor_;
};

std::string window_size() {
  winsize size{};
  ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
  return std::to_string(size.ws_row) + " " + std::to_string(size.ws_col);
}

void copy_window_size(int terminal) {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(terminal, TIOCSWINSZ, &size);
}

bool write_all(int fd, const char* bytes, ssize_t count) {
  while (count > 0) {
    const ssize_t written = ::write(fd, bytes, static_cast<std::size_t>(count));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    count -= written;
  }
  return true;
}

// False when nothing will come any more.
bool copy_some(int from, int to) {
  std::array<char, 16 * 1024> bytes;
  const ssize_t count = ::read(from, bytes.data(), bytes.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  return count > 0 && write_all(to, bytes.data(), count);
}

// What the command wrote last is read before the client ends.
void copy_rest(int terminal) {
  pollfd waiting{terminal, POLLIN, 0};
  while (::poll(&waiting, 1, 0) > 0 && (waiting.revents & POLLIN) != 0 && copy_some(terminal, STDOUT_FILENO))
    continue;
}

Result<int> serve(int socket, host::UniqueFd terminal, const HeldSignals& signals) {
  bool input = terminal.is_open();
  for (;;) {
    std::array<pollfd, 4> waiting = {pollfd{socket, POLLIN, 0},
                                     {signals.get(), POLLIN, 0},
                                     {terminal.get(), POLLIN, 0},
                                     {input ? STDIN_FILENO : -1, POLLIN, 0}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[2].revents != 0 && !copy_some(terminal.get(), STDOUT_FILENO)) {
      terminal.reset();
      input = false;
    }
    if (waiting[3].revents != 0 && input) input = copy_some(STDIN_FILENO, terminal.get());
    for (int number = 0; waiting[1].revents != 0 && (number = signals.next()) != 0;) {
      if (number != SIGWINCH)
        TRY(send_message(socket, {"signal", std::to_string(number)}));
      else if (terminal.is_open())
        copy_window_size(terminal.get());
    }
    if (waiting[0].revents == 0) continue;
    const ControlMessage message = TRY(receive_message(socket));
    if (message.is("exited") && message.fields.size() == 2) {
      if (terminal.is_open()) copy_rest(terminal.get());
      int status = 255;
      const std::string& text = message.fields[1];
      std::from_chars(text.data(), text.data() + text.size(), status);
      return status;
    }
    if (message.fields.empty())
      return failure(std::make_error_code(std::errc::connection_reset), "the instance has powered off");
  }
}

// Until the instance answers. A signal's number: the caller does not want to wait any longer.
Result<int> await_answer(int socket, const HeldSignals& signals, const ExecRequest& request) {
  for (bool told = false;;) {
    std::array<pollfd, 2> waiting = {pollfd{socket, POLLIN, 0}, {signals.get(), POLLIN, 0}};
    const int ready =
        ::poll(waiting.data(), waiting.size(), told ? request.patience_ms : kMomentMilliseconds);
    if (ready < 0 && errno != EINTR) return errno_failure("wait for the instance's init");
    if (ready == 0) {
      if (std::exchange(told, true))
        return failure(std::make_error_code(std::errc::timed_out),
                       "it has not come up; its console may say why (get-console-output)");
      if (request.on_wait) request.on_wait();
    }
    if (ready <= 0) continue;
    if (waiting[0].revents != 0) return 0;
    // A terminal's new size is looked at when there is a terminal.
    if (const int number = signals.next(); number != 0 && number != SIGWINCH) return number;
  }
}

}  // namespace

Result<int> exec_in_instance(const std::string& instance_folder, const ExecRequest& request) {
  const host::UniqueFd socket = TRY(connect_to_init(instance_folder));
  const HeldSignals signals;
  std::vector<std::string> fields = {"exec", request.terminal ? window_size() : "",
                                     std::to_string(request.arguments.size())};
  fields.insert(fields.end(), request.arguments.begin(), request.arguments.end());
  fields.insert(fields.end(), request.environment.begin(), request.environment.end());
  static constexpr std::array kStreams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  TRY(send_message(socket.get(), fields, kStreams));
  if (const int signal = TRY(await_answer(socket.get(), signals, request)); signal != 0) return 128 + signal;
  ControlMessage answer = TRY(receive_message(socket.get(), 0));
  if (!answer.is("started"))
    return failure(std::make_error_code(std::errc::operation_not_permitted),
                   answer.fields.size() > 1 ? answer.fields[1] : "the instance is powering off");
  host::UniqueFd terminal;
  if (!answer.descriptors.empty()) terminal = std::move(answer.descriptors[0]);
  const RawTerminal raw(terminal.is_open());
  return serve(socket.get(), std::move(terminal), signals);
}

}  // namespace enid::instances
