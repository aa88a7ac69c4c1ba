#include "pci/vfio_user/messages.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "pci/little_endian.h"
#include "pci/refusal.h"

namespace enid::pci::vfio_user {
namespace {

using Out = std::vector<std::uint8_t>;

constexpr std::uint16_t kMajor = 0;
constexpr std::uint16_t kMinor = 0;
constexpr std::size_t kVersionWordsBytes = 4;

// Ends in NUL, as the wire wants it: a literal's last byte is part of the answer.
constexpr char kCapabilities[] = R"({"capabilities":{"max_msg_fds":16,"max_data_xfer_size":65536}})";
constexpr char kNoCapabilities[] = "{}";

std::uint16_t word16(ConstBytes bytes, std::size_t at) {
  return load_little_endian<std::uint16_t>(bytes.data() + at);
}
std::uint32_t word32(ConstBytes bytes, std::size_t at) {
  return load_little_endian<std::uint32_t>(bytes.data() + at);
}
std::uint64_t word64(ConstBytes bytes, std::size_t at) {
  return load_little_endian<std::uint64_t>(bytes.data() + at);
}

template <class Word>
void append(Out& into, Word word) {
  const std::size_t at = into.size();
  into.resize(at + sizeof word);
  store_little_endian<Word>(into.data() + at, word);
}

Result<void> check_length(ConstBytes payload, std::size_t bytes) {
  if (payload.size() < bytes) return refused(EINVAL, "a message too short for its kind");
  return {};
}

}  // namespace

Header parse_header(std::span<const std::uint8_t, kHeaderBytes> bytes) {
  return {.id = word16(bytes, 0),
          .command = static_cast<Command>(word16(bytes, 2)),
          .size = word32(bytes, 4),
          .flags = word32(bytes, 8),
          .error = word32(bytes, 12)};
}

void write_header(const Header& header, Out& into) {
  append<std::uint16_t>(into, header.id);
  append<std::uint16_t>(into, static_cast<std::uint16_t>(header.command));
  append<std::uint32_t>(into, header.size);
  append<std::uint32_t>(into, header.flags);
  append<std::uint32_t>(into, header.error);
}

Result<void> parse_version(ConstBytes payload) {
  TRY(check_length(payload, kVersionWordsBytes));
  if (word16(payload, 0) != kMajor) return refused(EINVAL, "the client speaks another version of vfio-user");
  if (payload.size() == kVersionWordsBytes) return {};
  if (payload.back() != 0) return refused(EINVAL, "the client's capabilities do not end");
  const std::string_view text =
      as_text(payload.subspan(kVersionWordsBytes, payload.size() - kVersionWordsBytes - 1));
  if (!nlohmann::json::accept(text)) return refused(EINVAL, "the client's capabilities are not JSON");
  return {};
}

Result<std::vector<std::uint8_t>> version_answer(std::size_t payload_bytes_max) {
  for (const std::span<const char> json : {std::span<const char>(kCapabilities), {kNoCapabilities}}) {
    if (kVersionWordsBytes + json.size() > payload_bytes_max) continue;
    Out answer;
    append<std::uint16_t>(answer, kMajor);
    append<std::uint16_t>(answer, kMinor);
    answer.insert(answer.end(), json.begin(), json.end());
    return answer;
  }
  return refused(EINVAL, "the client has no room for our version");
}

Result<DmaMapping> parse_dma_map(ConstBytes payload) {
  constexpr std::uint32_t kReadable = 1, kWritable = 2;
  TRY(check_length(payload, 32));
  const std::uint32_t flags = word32(payload, 4);
  if ((flags & ~(kReadable | kWritable)) != 0) return refused(EINVAL, "a map of an unknown kind");
  return DmaMapping{.address = word64(payload, 16),
                    .size = word64(payload, 24),
                    .readable = (flags & kReadable) != 0,
                    .writable = (flags & kWritable) != 0,
                    .file_offset = word64(payload, 8)};
}

Result<DmaUnmap> parse_dma_unmap(ConstBytes payload) {
  constexpr std::uint32_t kAll = 2;
  TRY(check_length(payload, 24));
  const std::uint32_t flags = word32(payload, 4);
  if ((flags & ~kAll) != 0) return refused(EINVAL, "an unmap of an unknown kind");
  return DmaUnmap{(flags & kAll) != 0, word64(payload, 8), word64(payload, 16)};
}

Result<std::uint32_t> parse_argument_size(ConstBytes payload, std::size_t payload_bytes) {
  TRY(check_length(payload, payload_bytes));
  const std::uint32_t size = word32(payload, 0);
  if (size < payload_bytes) return refused(EINVAL, "no room for the answer");
  return size;
}

void write_device_info(const DeviceInfo& info, Out& into) {
  append<std::uint32_t>(into, DeviceInfo::kBytes);
  append<std::uint32_t>(into, info.flags);
  append<std::uint32_t>(into, info.regions);
  append<std::uint32_t>(into, info.interrupt_kinds);
}

std::size_t RegionInfo::full_bytes() const {
  return areas.empty() ? kBytes : kBytes + 16 + 16 * areas.size();
}

void write_region_info(const RegionInfo& info, bool has_room_for_areas, Out& into) {
  append<std::uint32_t>(into, static_cast<std::uint32_t>(info.full_bytes()));
  append<std::uint32_t>(into, info.flags | (info.areas.empty() ? 0 : RegionInfo::kHasCapabilities));
  append<std::uint32_t>(into, info.index);
  append<std::uint32_t>(into, info.areas.empty() ? 0 : RegionInfo::kBytes);
  append<std::uint64_t>(into, info.size);
  append<std::uint64_t>(into, info.file_offset);
  if (info.areas.empty() || !has_room_for_areas) return;
  append<std::uint16_t>(into, 1);  // VFIO_REGION_INFO_CAP_SPARSE_MMAP, version 1, the last capability.
  append<std::uint16_t>(into, 1);
  append<std::uint32_t>(into, 0);
  append<std::uint32_t>(into, static_cast<std::uint32_t>(info.areas.size()));
  append<std::uint32_t>(into, 0);
  for (const RegionInfo::Area& area : info.areas) {
    append<std::uint64_t>(into, area.offset);
    append<std::uint64_t>(into, area.size);
  }
}

Result<std::uint32_t> parse_region_index(ConstBytes payload) {
  TRY(check_length(payload, RegionInfo::kBytes));
  return word32(payload, 8);
}

Result<std::uint32_t> parse_interrupt_index(ConstBytes payload) {
  TRY(check_length(payload, InterruptInfo::kBytes));
  return word32(payload, 8);
}

void write_interrupt_info(const InterruptInfo& info, Out& into) {
  append<std::uint32_t>(into, InterruptInfo::kBytes);
  append<std::uint32_t>(into, info.flags);
  append<std::uint32_t>(into, info.index);
  append<std::uint32_t>(into, info.count);
}

Result<InterruptRequest> parse_set_interrupts(ConstBytes payload) {
  TRY(check_length(payload, 20));
  return InterruptRequest{.flags = word32(payload, 4),
                          .index = word32(payload, 8),
                          .start = word32(payload, 12),
                          .count = word32(payload, 16)};
}

Result<RegionAccess> parse_region_access(ConstBytes payload) {
  TRY(check_length(payload, RegionAccess::kBytes));
  return RegionAccess{word64(payload, 0), word32(payload, 8), word32(payload, 12)};
}

void write_region_access(const RegionAccess& access, Out& into) {
  append<std::uint64_t>(into, access.offset);
  append<std::uint32_t>(into, access.region);
  append<std::uint32_t>(into, access.count);
}

}  // namespace enid::pci::vfio_user
