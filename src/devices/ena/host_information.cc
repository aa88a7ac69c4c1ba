#include "devices/ena/host_information.h"

#include <array>
#include <iterator>

#include "pci/little_endian.h"

namespace enid::devices::ena {
namespace {

constexpr std::size_t kDistributionAt = 4;
constexpr std::size_t kDistributionBytes = 128;
constexpr std::size_t kKernelAt = 136;
constexpr std::size_t kKernelBytes = 32;
constexpr std::size_t kDriverVersionAt = 172;
constexpr std::size_t kProcessorsAt = 188;
constexpr std::size_t kBytesRead = 196;

constexpr const char* kSystems[] = {"unknown", "Linux", "Windows", "DPDK", "FreeBSD", "iPXE", "ESXi"};

std::string printable(ConstBytes bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (byte == 0) break;
    text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '?';
  }
  return text;
}

}  // namespace

std::optional<HostInformation> HostInformation::read(const pci::GuestMemory& memory, std::uint64_t address) {
  std::array<std::uint8_t, kBytesRead> page;
  if (!memory.read(address, page)) return std::nullopt;
  const ConstBytes bytes(page);
  HostInformation host;
  host.system = pci::load_little_endian<std::uint32_t>(page.data());
  host.system_name = kSystems[host.system < std::size(kSystems) ? host.system : 0];
  host.distribution = printable(bytes.subspan(kDistributionAt, kDistributionBytes));
  host.kernel_version = printable(bytes.subspan(kKernelAt, kKernelBytes));
  const std::uint8_t* const driver = page.data() + kDriverVersionAt;
  host.driver_version =
      std::to_string(driver[0]) + "." + std::to_string(driver[1]) + "." + std::to_string(driver[2]);
  host.processors = pci::load_little_endian<std::uint16_t>(page.data() + kProcessorsAt);
  return host;
}

std::string HostInformation::text() const {
  std::string text = system_name;
  for (const std::string* part : {&distribution, &kernel_version})
    if (!part->empty()) text += " " + *part;
  text += ", driver " + driver_version;
  if (processors > 0) text += ", " + std::to_string(processors) + " processors";
  return text;
}

}  // namespace enid::devices::ena
