#include "apps/machine_facts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>
#include <memory>

#include "host/unique_fd.h"

namespace enid::apps {

std::string machine_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;
}

Result<std::uint32_t> mtu_of_device_with(Ipv4Address address) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return errno_failure("list the addresses of this machine");
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    sockaddr_in has{};
    std::memcpy(&has, each->ifa_addr, sizeof has);
    if (ntohl(has.sin_addr.s_addr) != address.value) continue;
    const host::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, each->ifa_name, IFNAMSIZ - 1);
    if (::ioctl(socket.get(), SIOCGIFMTU, &request) != 0)
      return errno_failure(std::string("ask for the MTU of ") + each->ifa_name);
    return static_cast<std::uint32_t>(request.ifr_mtu);
  }
  return failure(std::make_error_code(std::errc::address_not_available),
                 "no network device of this machine has the address " + address.text());
}

}  // namespace enid::apps
