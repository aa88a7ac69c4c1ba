// Rings: the entries of an ENA device's queues, bit by bit, as the driver lays them out.
//
//   Documented: Linux drivers/net/ethernet/amazon/ena/ena_eth_io_defs.h; the names in comments are its.
//   Observed: which of the bits drivers use, and what they expect of the others.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace enid::devices::ena {

static_assert(std::endian::native == std::endian::little,
              "the rings are little endian, and read as they are");

// ena_eth_io_tx_desc. 16 bytes; also the shape of ena_eth_io_tx_meta_desc.
struct TransmitDescriptor {
  std::uint32_t length_control = 0;
  std::uint32_t meta_control = 0;
  std::uint32_t address_low = 0;
  std::uint32_t address_high_header = 0;

  std::uint32_t length() const { return length_control & 0xffff; }
  bool is_meta() const { return (length_control >> 23 & 1) != 0; }
  bool is_last() const { return (length_control >> 27 & 1) != 0; }
  std::uint16_t request_id() const {
    return static_cast<std::uint16_t>((length_control >> 16 & 0x3f) << 10 | meta_control >> 22);
  }
  std::uint64_t address() const { return std::uint64_t{address_high_header & 0xffff} << 32 | address_low; }
  std::uint32_t header_length() const { return address_high_header >> 24; }

  // Of a data descriptor, the packet's first.
  std::uint8_t l3_protocol() const { return meta_control & 0xf; }
  std::uint8_t l4_protocol() const { return meta_control >> 8 & 0x1f; }
  bool segments() const { return (meta_control >> 7 & 1) != 0; }  // tso_en
  bool makes_l3_checksum() const { return (meta_control >> 13 & 1) != 0; }
  bool makes_l4_checksum() const { return (meta_control >> 14 & 1) != 0; }
  bool has_pseudo_header_sum() const { return (meta_control >> 17 & 1) != 0; }  // l4_csum_partial

  // Of a meta descriptor.
  bool stores_meta() const { return (length_control >> 21 & 1) != 0; }
  std::uint16_t segment_bytes() const {
    return static_cast<std::uint16_t>((length_control >> 16 & 0xf) << 10 | address_low >> 22);
  }
};
static_assert(sizeof(TransmitDescriptor) == 16);

// ena_eth_io_tx_cdesc.
struct TransmitCompletion {
  std::uint16_t request_id = 0;
  std::uint8_t status = 0;
  std::uint8_t flags = 0;  // Bit 0: phase.
  std::uint16_t queue = 0;
  std::uint16_t head = 0;  // The submission queue's.
};
static_assert(sizeof(TransmitCompletion) == 8);

// ena_eth_io_rx_desc.
struct ReceiveDescriptor {
  std::uint16_t length = 0;
  std::uint8_t reserved = 0;
  std::uint8_t control = 0;
  std::uint16_t request_id = 0;
  std::uint16_t reserved_too = 0;
  std::uint32_t address_low = 0;
  std::uint16_t address_high = 0;
  std::uint16_t reserved_last = 0;

  std::uint32_t bytes() const { return length == 0 ? 0x10000 : length; }
  std::uint64_t address() const { return std::uint64_t{address_high} << 32 | address_low; }
};
static_assert(sizeof(ReceiveDescriptor) == 16);

// ena_eth_io_rx_cdesc_base.
struct ReceiveCompletion {
  std::uint32_t status = 0;
  std::uint16_t length = 0;
  std::uint16_t request_id = 0;
  std::uint32_t hash = 0;
  std::uint16_t queue = 0;
  std::uint8_t offset = 0;
  std::uint8_t reserved = 0;
};
static_assert(sizeof(ReceiveCompletion) == 16);
static_assert(offsetof(ReceiveCompletion, hash) == 8);

namespace receive_status {
constexpr std::uint32_t kL4ProtocolShift = 8;
constexpr std::uint32_t kL3ChecksumError = 1u << 13;
constexpr std::uint32_t kL4ChecksumError = 1u << 14;
constexpr std::uint32_t kFragment = 1u << 15;
constexpr std::uint32_t kL4ChecksumChecked = 1u << 16;
constexpr std::uint32_t kPhase = 1u << 24;
constexpr std::uint32_t kFirst = 1u << 26;
constexpr std::uint32_t kLast = 1u << 27;
constexpr std::uint32_t kBuffer = 1u << 30;
}  // namespace receive_status

// ena_eth_io_l3_proto_index, ena_eth_io_l4_proto_index.
constexpr std::uint8_t kProtocolIpv4 = 8;
constexpr std::uint8_t kProtocolIpv6 = 11;
constexpr std::uint8_t kProtocolTcp = 12;
constexpr std::uint8_t kProtocolUdp = 13;

// A vector's unmask word: ena_eth_io_intr_reg.
struct UnmaskWord {
  std::uint32_t value = 0;

  std::uint32_t receive_delay() const { return value & 0x7fff; }
  std::uint32_t transmit_delay() const { return value >> 15 & 0x7fff; }
  bool unmasks() const { return (value >> 30 & 1) != 0; }
  bool keeps_delays() const { return (value >> 31 & 1) != 0; }  // no_moderation_update
};

// A low-latency entry: two descriptors, then the packet's first bytes; those that follow it of the same
// packet hold descriptors only.
constexpr std::size_t kDescriptorBytes = 16;
constexpr std::size_t kLowLatencyDescriptorsFirst = 2;
constexpr std::size_t kLowLatencyDescriptors = 8;
constexpr std::size_t kLowLatencyHeaderAt = kLowLatencyDescriptorsFirst * kDescriptorBytes;

}  // namespace enid::devices::ena
