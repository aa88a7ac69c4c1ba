#include "pci/config_space.h"

#include <algorithm>

#include "base/check.h"
#include "pci/little_endian.h"

namespace enid::pci {
namespace {

constexpr std::uint8_t kMsixAt = 0x40;
constexpr std::uint8_t kPowerManagementAt = 0x50;
constexpr std::uint8_t kExpressAt = 0x60;
constexpr std::uint8_t kEndOfChain = 0;

// I/O, memory, bus master, parity error response, SERR# enable, INTx disable.
constexpr std::uint16_t kCommandWritable = 0x0547;
constexpr std::uint16_t kStatusHasCapabilities = 0x0010;
constexpr std::uint32_t kBarIsPrefetchable = 0x8;

}  // namespace

ConfigSpace::ConfigSpace(const PciDescription& description) {
  put_header(description);
  if (description.vectors > 0) put_msix(description, kPowerManagementAt);
  put_power_management(kExpressAt);
  put_express_endpoint(kEndOfChain);
  reset();
}

template <class Word>
void ConfigSpace::put(std::uint32_t offset, Word value, Word writable_bits) {
  store_little_endian<Word>(&initial_[offset], value);
  store_little_endian<Word>(&writable_[offset], writable_bits);
}

void ConfigSpace::put_header(const PciDescription& description) {
  put<std::uint16_t>(0x00, description.vendor);
  put<std::uint16_t>(0x02, description.device);
  put<std::uint16_t>(0x04, 0, kCommandWritable);
  put<std::uint16_t>(0x06, kStatusHasCapabilities);
  put<std::uint32_t>(0x08, description.class_code << 8 | description.revision);
  put<std::uint8_t>(0x0c, 0, 0xff);  // Cache line size.
  for (const Bar& bar : description.bars) {
    CHECK(bar.index < 6);
    put<std::uint32_t>(0x10 + 4u * bar.index, bar.is_prefetchable ? kBarIsPrefetchable : 0);
  }
  put<std::uint16_t>(0x2c, description.subsystem_vendor);
  put<std::uint16_t>(0x2e, description.subsystem_device);
  put<std::uint8_t>(0x34, description.vectors > 0 ? kMsixAt : kPowerManagementAt);
  put<std::uint8_t>(0x3c, 0, 0xff);  // Interrupt line: the BIOS's notebook. The pin, 0x3d, is none.
}

void ConfigSpace::put_msix(const PciDescription& description, std::uint8_t next) {
  CHECK(description.vectors <= 2048 && description.msix_bar < 6);
  CHECK(description.msix_table % 8 == 0 && description.msix_pending % 8 == 0);
  put<std::uint8_t>(kMsixAt, 0x11);
  put<std::uint8_t>(kMsixAt + 1, next);
  const auto last_vector = static_cast<std::uint16_t>(description.vectors - 1);
  put<std::uint16_t>(kMsixAt + 2, last_vector, 0xc000);  // Enable, function mask.
  put<std::uint32_t>(kMsixAt + 4, description.msix_table | description.msix_bar);
  put<std::uint32_t>(kMsixAt + 8, description.msix_pending | description.msix_bar);
}

void ConfigSpace::put_power_management(std::uint8_t next) {
  put<std::uint8_t>(kPowerManagementAt, 0x01);
  put<std::uint8_t>(kPowerManagementAt + 1, next);
  put<std::uint16_t>(kPowerManagementAt + 2, 0x0003);          // Version 3; no D1, D2, PME#.
  put<std::uint16_t>(kPowerManagementAt + 4, 0x0008, 0x0003);  // No soft reset; the power state.
}

void ConfigSpace::put_express_endpoint(std::uint8_t next) {
  put<std::uint8_t>(kExpressAt, 0x10);
  put<std::uint8_t>(kExpressAt + 1, next);
  put<std::uint16_t>(kExpressAt + 2, 0x0002);  // Version 2, endpoint.
  put<std::uint32_t>(kExpressAt + 4, 0x8000);  // Role-based error reporting; no function level reset.
  // Relaxed ordering, no snoop, read requests of 512 bytes. Bit 15 would be the reset that is not offered.
  put<std::uint16_t>(kExpressAt + 8, 0x2810, 0x7fff);
  put<std::uint32_t>(kExpressAt + 12, 0x0011);  // Link: 2.5 GT/s, one lane; so says the status too.
  put<std::uint16_t>(kExpressAt + 18, 0x0011);
}

void ConfigSpace::read(std::uint32_t offset, Bytes into) const {
  CHECK(offset <= kBytes && into.size() <= kBytes - offset);
  std::copy_n(values_.begin() + offset, into.size(), into.begin());
}

void ConfigSpace::write(std::uint32_t offset, ConstBytes from) {
  CHECK(offset <= kBytes && from.size() <= kBytes - offset);
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::uint8_t mask = writable_[offset + i];
    values_[offset + i] = static_cast<std::uint8_t>((values_[offset + i] & ~mask) | (from[i] & mask));
  }
}

}  // namespace enid::pci
