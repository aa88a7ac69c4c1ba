#include "instances/pseudo_terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <charconv>

namespace enid::instances {
namespace {

unsigned short count_of(std::string_view text) {
  unsigned short count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

}  // namespace

Result<PseudoTerminal> PseudoTerminal::make(std::string_view window) {
  PseudoTerminal terminal;
  terminal.master = host::UniqueFd(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.master.is_open()) return errno_failure("make a terminal");
  int unlock = 0;
  ::ioctl(terminal.master.get(), TIOCSPTLCK, &unlock);
  terminal.slave = host::UniqueFd(::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.slave.is_open()) return errno_failure("open the terminal");
  set_window(terminal.master.get(), window);
  return terminal;
}

void set_window(int terminal, std::string_view window) {
  const std::size_t space = window.find(' ');
  if (space == std::string_view::npos) return;
  winsize size{};
  size.ws_row = count_of(window.substr(0, space));
  size.ws_col = count_of(window.substr(space + 1));
  ::ioctl(terminal, TIOCSWINSZ, &size);
}

}  // namespace enid::instances
