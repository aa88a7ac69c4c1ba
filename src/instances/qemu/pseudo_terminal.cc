#include "instances/qemu/pseudo_terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "instances/qemu/agent_frame.h"

namespace enid::instances {

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
  size.ws_row = static_cast<unsigned short>(agent_number(window.substr(0, space), 0));
  size.ws_col = static_cast<unsigned short>(agent_number(window.substr(space + 1), 0));
  ::ioctl(terminal, TIOCSWINSZ, &size);
}

}  // namespace enid::instances
