// enid-guest-agent PORT: linked statically, laid over the guest's file tree by the daemon.
#include <fcntl.h>
#include <unistd.h>

#include "instances/qemu/guest_agent.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    ::dprintf(2, "usage: enid-guest-agent PORT\n");
    return 2;
  }
  enid::host::UniqueFd port(::open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!port.is_open()) {
    ::dprintf(2, "enid-guest-agent: cannot open %s\n", argv[1]);
    return 1;
  }
  const auto ended = enid::instances::GuestAgent(std::move(port)).run();
  ::dprintf(2, "enid-guest-agent: %s\n", ended.error().message.c_str());
  return 1;
}
