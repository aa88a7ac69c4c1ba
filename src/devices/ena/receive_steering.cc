#include "devices/ena/receive_steering.h"

#include <algorithm>

#include "devices/ena/features.h"

namespace enid::devices::ena {
namespace {

constexpr std::uint16_t kTableSizeLog = 7;
static_assert(1u << kTableSizeLog == kSteeringTableEntries);
constexpr std::size_t kTableBytes = kSteeringTableEntries * 4;

constexpr std::uint32_t kToeplitz = 1 << 1;  // Bits of ENA_ADMIN_TOEPLITZ.
constexpr std::uint32_t kKeyWords = 10;
constexpr std::size_t kKeyAt = 8;
constexpr std::size_t kFunctionBytes = kKeyAt + kKeyWords * 4;

constexpr std::size_t kPacketKinds = 16;
constexpr std::size_t kFieldsBytes = 4 * kPacketKinds * 4;
constexpr std::size_t kSelectedAt = kPacketKinds * 4;

// Bits: Ethernet target, source; IP target, source; port target, source. In the order of
// ena_admin_flow_hash_proto: TCP4, UDP4, TCP6, UDP6, IP4, IP6, IP4 fragments, not IP, TCP6 and IP6 with
// extension headers. Observed: less than these is an error to Linux.
constexpr std::uint16_t kEthernet = 0x03;
constexpr std::uint16_t kAddresses = 0x0c;
constexpr std::uint16_t kPorts = 0x30;
constexpr std::array<std::uint16_t, kPacketKinds> kSupportedFields = {
    kAddresses | kPorts, kAddresses | kPorts, kAddresses | kPorts, kAddresses | kPorts, kAddresses,
    kAddresses,          kAddresses,          kEthernet,           kAddresses | kPorts, kAddresses};

// Microsoft's example key, which is everybody's default.
constexpr std::array<std::uint8_t, 40> kDefaultKey = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

bool has_buffer(const AdminCommand& command, std::size_t bytes) { return command.buffer_length() >= bytes; }

// Writes what a driver wants in its buffer; a driver that gave none wants only the answer.
AdminStatus give(const AdminCommand& command, const pci::GuestMemory& memory, ConstBytes bytes) {
  if (command.buffer_length() == 0) return AdminStatus::kSuccess;
  if (!has_buffer(command, bytes.size())) return AdminStatus::kMalformed;
  return memory.write(command.buffer_address(), bytes) ? AdminStatus::kSuccess
                                                       : AdminStatus::kIllegalParameter;
}

}  // namespace

SteeringFeatures::SteeringFeatures(std::uint16_t queue_pairs) : queue_pairs_(queue_pairs) {
  steering_.key = kDefaultKey;
  steering_.fields = kSupportedFields;
}

AdminStatus SteeringFeatures::get_table(const AdminCommand& command, AdminAnswer& answer,
                                        const pci::GuestMemory& memory) const {
  std::array<std::uint8_t, kTableBytes> buffer{};
  for (std::size_t i = 0; i < kSteeringTableEntries; ++i) {
    pci::store_little_endian(&buffer[i * 4], steering_.table[i]);
  }
  answer.store(0, kTableSizeLog);
  answer.store(2, kTableSizeLog);
  answer.store(4, kTableSizeLog);
  answer.store<std::uint32_t>(8, 0xffff'ffff);  // No entry inline.
  return give(command, memory, buffer);
}

AdminStatus SteeringFeatures::set_table(const AdminCommand& command, const pci::GuestMemory& memory) {
  if (command.load<std::uint16_t>(kFeatureData + 4) != kTableSizeLog) return AdminStatus::kIllegalParameter;
  if (!has_buffer(command, kTableBytes)) return AdminStatus::kMalformed;
  std::array<std::uint8_t, kTableBytes> buffer;
  if (!memory.read(command.buffer_address(), buffer)) return AdminStatus::kIllegalParameter;
  std::array<std::uint16_t, kSteeringTableEntries> table;
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = pci::load_little_endian<std::uint16_t>(&buffer[i * 4]);
    if (table[i] >= queue_pairs_) return AdminStatus::kIllegalParameter;
  }
  steering_.table = table;
  steering_.is_on = true;
  return AdminStatus::kSuccess;
}

AdminStatus SteeringFeatures::get_function(const AdminCommand& command, AdminAnswer& answer,
                                           const pci::GuestMemory& memory) const {
  std::array<std::uint8_t, kFunctionBytes> buffer{};
  pci::store_little_endian(buffer.data(), kKeyWords);
  std::ranges::copy(steering_.key, buffer.begin() + kKeyAt);
  answer.store(0, kToeplitz);
  answer.store(4, kToeplitz);
  answer.store<std::uint32_t>(8, 0);
  return give(command, memory, buffer);
}

AdminStatus SteeringFeatures::set_function(const AdminCommand& command, const pci::GuestMemory& memory) {
  if (command.load<std::uint32_t>(kFeatureData + 4) != kToeplitz) return AdminStatus::kIllegalParameter;
  if (command.buffer_length() == 0) return AdminStatus::kSuccess;  // The function alone.
  if (!has_buffer(command, kFunctionBytes)) return AdminStatus::kMalformed;
  std::array<std::uint8_t, kFunctionBytes> buffer;
  if (!memory.read(command.buffer_address(), buffer)) return AdminStatus::kIllegalParameter;
  if (pci::load_little_endian<std::uint32_t>(buffer.data()) != kKeyWords) {
    return AdminStatus::kIllegalParameter;
  }
  std::copy_n(buffer.begin() + kKeyAt, steering_.key.size(), steering_.key.begin());
  return AdminStatus::kSuccess;
}

AdminStatus SteeringFeatures::get_fields(const AdminCommand& command, AdminAnswer& answer,
                                         const pci::GuestMemory& memory) const {
  std::array<std::uint8_t, kFieldsBytes> buffer{};
  for (std::size_t i = 0; i < kPacketKinds; ++i) {
    pci::store_little_endian(&buffer[i * 4], kSupportedFields[i]);
    pci::store_little_endian(&buffer[kSelectedAt + i * 4], steering_.fields[i]);
  }
  answer.store<std::uint32_t>(0, 0);  // No sorting of addresses and ports, neither supported nor enabled.
  return give(command, memory, buffer);
}

AdminStatus SteeringFeatures::set_fields(const AdminCommand& command, const pci::GuestMemory& memory) {
  // Observed: Linux asks for sorting whether it is supported or not, so that is no reason to refuse.
  if (!has_buffer(command, kFieldsBytes)) return AdminStatus::kMalformed;
  std::array<std::uint8_t, kFieldsBytes> buffer;
  if (!memory.read(command.buffer_address(), buffer)) return AdminStatus::kIllegalParameter;
  std::array<std::uint16_t, kPacketKinds> fields;
  for (std::size_t i = 0; i < kPacketKinds; ++i) {
    fields[i] = pci::load_little_endian<std::uint16_t>(&buffer[kSelectedAt + i * 4]);
    if ((fields[i] & ~kSupportedFields[i]) != 0) return AdminStatus::kIllegalParameter;
  }
  steering_.fields = fields;
  return AdminStatus::kSuccess;
}

}  // namespace enid::devices::ena
