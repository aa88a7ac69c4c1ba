// The messages of vfio-user: a header of 16 bytes, then a payload of fixed words.
//
// Theory of operation
//   Plain structs on this side, little-endian bytes on the other. A parse function takes a
//   payload of any length and content and either finds all words there or refuses; what the words mean is
//   judged by whoever uses them. A write function appends to a reply's bytes.
//
// Sources
//   Documented: https://www.qemu.org/docs/master/interop/vfio-user.html. Observed: QEMU 11.1 keeps a
//   buffer of the request's own size for most replies, so a reply is never longer than what was asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "pci/descriptor.h"
#include "pci/dma_table.h"
#include "pci/interrupt_table.h"

namespace enid::pci::vfio_user {

inline constexpr std::size_t kHeaderBytes = 16;
// No transfer is longer, so that one peer cannot make us keep much. Announced in our VERSION reply.
inline constexpr std::size_t kTransferBytesMax = 65'536;
inline constexpr std::size_t kMessageBytesMax = kHeaderBytes + 64 + kTransferBytesMax;
inline constexpr std::size_t kDescriptorsMax = 16;  // That come with one message.

enum class Command : std::uint16_t {
  kVersion = 1,
  kDmaMap = 2,
  kDmaUnmap = 3,
  kDeviceGetInfo = 4,
  kDeviceGetRegionInfo = 5,
  kDeviceGetIrqInfo = 7,
  kDeviceSetIrqs = 8,
  kRegionRead = 9,
  kRegionWrite = 10,
  kDeviceReset = 13,
};

struct Header {
  static constexpr std::uint32_t kTypeMask = 0x0f;
  static constexpr std::uint32_t kTypeReply = 0x01;
  static constexpr std::uint32_t kNoReply = 0x10;
  static constexpr std::uint32_t kError = 0x20;

  std::uint16_t id = 0;
  Command command{};       // Or any other number.
  std::uint32_t size = 0;  // Of the whole message.
  std::uint32_t flags = 0;
  std::uint32_t error = 0;  // A positive errno.

  bool is_request() const { return (flags & kTypeMask) == 0; }
  bool wants_reply() const { return (flags & kNoReply) == 0; }
};

struct Message {
  Header header;
  std::vector<std::uint8_t> payload;
  std::vector<std::unique_ptr<Descriptor>> descriptors;
};

struct Reply {
  std::vector<std::uint8_t> bytes;  // Header and payload.
  std::shared_ptr<Descriptor> descriptor;
};

Header parse_header(std::span<const std::uint8_t, kHeaderBytes> bytes);
void write_header(const Header& header, std::vector<std::uint8_t>& into);

// VERSION: what the other side can do is in JSON, of which only its being JSON matters to us.
Result<void> parse_version(ConstBytes payload);
// The longest of our answers that fits into `payload_bytes_max`.
Result<std::vector<std::uint8_t>> version_answer(std::size_t payload_bytes_max);

Result<DmaMapping> parse_dma_map(ConstBytes payload);

struct DmaUnmap {
  bool is_all = false;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};
Result<DmaUnmap> parse_dma_unmap(ConstBytes payload);

// The word that says how long an answer may be, of a request at least `payload_bytes` long.
Result<std::uint32_t> parse_argument_size(ConstBytes payload, std::size_t payload_bytes);

struct DeviceInfo {
  static constexpr std::size_t kBytes = 16;
  static constexpr std::uint32_t kCanReset = 1;
  static constexpr std::uint32_t kIsPci = 2;
  std::uint32_t flags = kCanReset | kIsPci;
  std::uint32_t regions = 0;
  std::uint32_t interrupt_kinds = 0;
};
void write_device_info(const DeviceInfo& info, std::vector<std::uint8_t>& into);

struct RegionInfo {
  static constexpr std::size_t kBytes = 32;
  static constexpr std::uint32_t kReadable = 1;
  static constexpr std::uint32_t kWritable = 2;
  static constexpr std::uint32_t kMappable = 4;
  static constexpr std::uint32_t kHasCapabilities = 8;

  struct Area {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };
  std::uint32_t flags = 0;
  std::uint32_t index = 0;
  std::uint64_t size = 0;
  std::uint64_t file_offset = 0;
  std::vector<Area> areas;  // Those that may be mapped, when it is not the whole region.

  std::size_t full_bytes() const;
};
// Without room for the areas only the first words, from which the client sees how much to ask for.
// Observed: even then the offset of the capabilities must be right, or QEMU gives up.
void write_region_info(const RegionInfo& info, bool has_room_for_areas, std::vector<std::uint8_t>& into);
Result<std::uint32_t> parse_region_index(ConstBytes payload);

struct InterruptInfo {
  static constexpr std::size_t kBytes = 16;
  static constexpr std::uint32_t kIsEvent = 1;
  static constexpr std::uint32_t kCannotResize = 8;
  std::uint32_t flags = 0;
  std::uint32_t index = 0;
  std::uint32_t count = 0;
};
Result<std::uint32_t> parse_interrupt_index(ConstBytes payload);
void write_interrupt_info(const InterruptInfo& info, std::vector<std::uint8_t>& into);

Result<InterruptRequest> parse_set_interrupts(ConstBytes payload);

struct RegionAccess {
  static constexpr std::size_t kBytes = 16;
  std::uint64_t offset = 0;
  std::uint32_t region = 0;
  std::uint32_t count = 0;
};
Result<RegionAccess> parse_region_access(ConstBytes payload);
void write_region_access(const RegionAccess& access, std::vector<std::uint8_t>& into);

}  // namespace enid::pci::vfio_user
