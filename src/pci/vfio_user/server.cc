#include "pci/vfio_user/server.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "pci/little_endian.h"
#include "pci/refusal.h"

namespace enid::pci::vfio_user {
namespace {

constexpr std::uint32_t kBars = 6;
constexpr std::uint32_t kConfigRegion = 7;
constexpr std::uint32_t kRegions = 9;  // Six BARs, the ROM, configuration space, VGA.
constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kMsixEntryBytes = 16;

bool is_memory_change(const Message& message) {
  return message.header.command == Command::kDmaMap || message.header.command == Command::kDmaUnmap;
}

std::uint64_t pending_bytes(const PciDescription& description) {
  return (description.vectors + 63u) / 64 * 8;
}

// The bytes of a BAR that holds nothing but the MSI-X table.
std::uint64_t msix_bar_bytes(const PciDescription& description) {
  const std::uint64_t table_end = description.msix_table + kMsixEntryBytes * description.vectors;
  const std::uint64_t pending_end = description.msix_pending + pending_bytes(description);
  return std::bit_ceil(std::max({table_end, pending_end, kPageBytes}));
}

Reply reply_to(const Message& message, std::vector<std::uint8_t> payload) {
  Header header = message.header;
  header.flags = Header::kTypeReply;
  header.error = 0;
  header.size = static_cast<std::uint32_t>(kHeaderBytes + payload.size());
  Reply reply;
  reply.bytes.reserve(header.size);
  write_header(header, reply.bytes);
  reply.bytes.insert(reply.bytes.end(), payload.begin(), payload.end());
  return reply;
}

Reply error_reply_to(const Message& message, int error_number) {
  Header header = message.header;
  header.flags = Header::kTypeReply | Header::kError;
  header.error = static_cast<std::uint32_t>(error_number);
  header.size = kHeaderBytes;
  Reply reply;
  write_header(header, reply.bytes);
  return reply;
}

// A client understands errno; whatever else went wrong is an input/output error to it.
int error_number_of(const Error& error) {
  const bool is_errno =
      error.code.category() == std::generic_category() || error.code.category() == std::system_category();
  return is_errno && error.code.value() > 0 ? error.code.value() : EIO;
}

}  // namespace

Server::Server(PciDevice& device, DescriptorUser& descriptors)
    : device_(device), config_(device.description()), memory_(descriptors), interrupts_(device, descriptors) {
  describe_regions();
}

void Server::describe_regions() {
  const PciDescription& description = device_.description();
  regions_.resize(kRegions);
  for (std::uint32_t index = 0; index < kRegions; ++index) regions_[index].info.index = index;
  for (const Bar& bar : description.bars) {
    CHECK(bar.index < kBars && std::has_single_bit(bar.size) && bar.size >= kPageBytes);
    auto& [info, file] = regions_[bar.index];
    info.size = bar.size;
    info.flags = RegionInfo::kReadable | RegionInfo::kWritable;
    if (bar.mapped.empty()) continue;
    info.flags |= RegionInfo::kMappable;
    info.file_offset = bar.mapped.front().file_offset;
    file = bar.mapped.front().file;
    const bool is_whole = bar.mapped.size() == 1 && bar.mapped.front().size == bar.size;
    for (const MappedArea& area : bar.mapped) {
      CHECK(area.offset % kPageBytes == 0 && area.size % kPageBytes == 0);
      CHECK(area.offset <= bar.size && area.size <= bar.size - area.offset);
      CHECK(area.file == file && area.file_offset == info.file_offset);
      if (!is_whole) info.areas.push_back({area.offset, area.size});
    }
  }
  if (description.vectors > 0) {
    RegionInfo& info = regions_[description.msix_bar].info;
    if (info.size == 0) {
      info.size = msix_bar_bytes(description);
      info.flags = RegionInfo::kReadable | RegionInfo::kWritable;
    }
    CHECK(info.size >= msix_bar_bytes(description));
  }
  regions_[kConfigRegion].info.size = ConfigSpace::kBytes;
  regions_[kConfigRegion].info.flags = RegionInfo::kReadable | RegionInfo::kWritable;
}

std::vector<Reply> Server::on_message(Message message) {
  if (!message.header.is_request()) return {};  // Nothing was asked that this could answer.
  ++statistics_.messages;
  if (!is_memory_change(message)) settle();
  Result<Answer> answer = answer_to(message);
  if (!answer) complain(message, answer.error().message);
  if (message.header.wants_reply()) {
    if (answer) {
      held_.push_back(reply_to(message, std::move(answer->payload)));
      held_.back().descriptor = std::move(answer->descriptor);
    } else {
      held_.push_back(error_reply_to(message, error_number_of(answer.error())));
    }
  }
  if (is_memory_change(message) && held_.size() < kHeldMax) return {};
  return on_input_drained();
}

std::vector<Reply> Server::on_input_drained() {
  settle();
  return std::exchange(held_, {});
}

void Server::settle() {
  if (!memory_.has_changed()) return;
  ++statistics_.pictures;
  device_.set_memory(memory_.picture());
}

void Server::reset_device() {
  config_.reset();
  device_.reset();
}

void Server::on_disconnect() {
  reset_device();
  interrupts_.drop_all();
  memory_.unmap_all();
  settle();
  held_.clear();
  is_version_agreed_ = false;
}

std::string Server::take_complaint() { return std::exchange(complaint_, {}); }

void Server::complain(const Message& message, const std::string& because) {
  ++statistics_.refused;
  if (!complaint_.empty()) return;
  complaint_ = "refused request " + std::to_string(static_cast<unsigned>(message.header.command)) +
               " of the vfio-user client: " + because;
}

Result<Server::Answer> Server::answer_to(Message& message) {
  if (is_version_agreed_ == (message.header.command == Command::kVersion))
    return refused(EINVAL, "VERSION is the first message, and comes once");
  switch (message.header.command) {
    case Command::kVersion:
      return on_version(message);
    case Command::kDmaMap:
      return on_dma_map(message);
    case Command::kDmaUnmap:
      return on_dma_unmap(message);
    case Command::kDeviceGetInfo:
      return on_get_info(message);
    case Command::kDeviceGetRegionInfo:
      return on_get_region_info(message);
    case Command::kDeviceGetIrqInfo:
      return on_get_irq_info(message);
    case Command::kDeviceSetIrqs:
      return on_set_irqs(message);
    case Command::kRegionRead:
      return on_region_read(message);
    case Command::kRegionWrite:
      return on_region_write(message);
    case Command::kDeviceReset:
      reset_device();
      return Answer{};
  }
  return refused(ENOTSUP, "an unknown command");
}

Result<Server::Answer> Server::on_version(const Message& message) {
  TRY(parse_version(message.payload));
  Answer answer{TRY(version_answer(message.payload.size()))};
  is_version_agreed_ = true;
  return answer;
}

Result<Server::Answer> Server::on_dma_map(const Message& message) {
  const DmaMapping mapping = TRY(parse_dma_map(message.payload));
  if (message.descriptors.size() > 1) return refused(EINVAL, "a map of several files");
  TRY(memory_.map(mapping, message.descriptors.empty() ? nullptr : message.descriptors.front().get()));
  return Answer{};
}

Result<Server::Answer> Server::on_dma_unmap(const Message& message) {
  const DmaUnmap unmap = TRY(parse_dma_unmap(message.payload));
  if (unmap.is_all)
    memory_.unmap_all();
  else
    TRY(memory_.unmap(unmap.address, unmap.size));
  return Answer{message.payload};
}

Result<Server::Answer> Server::on_get_info(const Message& message) {
  TRY(parse_argument_size(message.payload, DeviceInfo::kBytes));
  if (!memory_.has_writable_memory())
    return refused(EINVAL,
                   "it has not shared the guest's memory: start QEMU with "
                   "-object memory-backend-memfd,id=m0,share=on,size=… -machine …,memory-backend=m0");
  Answer answer;
  write_device_info({.regions = kRegions, .interrupt_kinds = kInterruptKinds}, answer.payload);
  return answer;
}

Result<Server::Answer> Server::on_get_region_info(const Message& message) {
  const std::uint32_t room = TRY(parse_argument_size(message.payload, RegionInfo::kBytes));
  const std::uint32_t index = TRY(parse_region_index(message.payload));
  if (index >= kRegions) return refused(EINVAL, "an unknown region");
  const Region& region = regions_[index];
  const bool has_room = region.info.full_bytes() <= room;
  Answer answer;
  write_region_info(region.info, has_room, answer.payload);
  if (has_room) answer.descriptor = region.file;
  return answer;
}

Result<Server::Answer> Server::on_get_irq_info(const Message& message) {
  TRY(parse_argument_size(message.payload, InterruptInfo::kBytes));
  InterruptInfo info{.index = TRY(parse_interrupt_index(message.payload))};
  if (info.index >= kInterruptKinds) return refused(EINVAL, "interrupts of an unknown kind");
  info.count = interrupts_.count(info.index);
  info.flags = InterruptInfo::kIsEvent;
  if (static_cast<InterruptKind>(info.index) == InterruptKind::kMsix)
    info.flags |= InterruptInfo::kCannotResize;
  Answer answer;
  write_interrupt_info(info, answer.payload);
  return answer;
}

Result<Server::Answer> Server::on_set_irqs(Message& message) {
  const InterruptRequest request = TRY(parse_set_interrupts(message.payload));
  TRY(interrupts_.set(request, std::move(message.descriptors)));
  return Answer{};
}

Result<void> Server::check_access(const RegionAccess& access) const {
  if (access.region >= kRegions) return refused(EINVAL, "an access to an unknown region");
  const std::uint64_t size = regions_[access.region].info.size;
  if (access.offset > size || access.count > size - access.offset)
    return refused(EINVAL, "an access beyond the end of a region");
  if (access.region == kConfigRegion) return {};
  if (access.count > 8 || !std::has_single_bit(access.count) || access.offset % access.count != 0)
    return refused(EINVAL, "an access to registers that is not 1, 2, 4 or 8 bytes in their place");
  return {};
}

bool Server::is_of_msix(const RegionAccess& access) const {
  const PciDescription& description = device_.description();
  if (description.vectors == 0 || access.region != description.msix_bar) return false;
  const auto touches = [&](std::uint64_t at, std::uint64_t size) {
    return access.offset < at + size && at < access.offset + access.count;
  };
  return touches(description.msix_table, kMsixEntryBytes * description.vectors) ||
         touches(description.msix_pending, pending_bytes(description)) ||
         std::ranges::none_of(description.bars, [&](const Bar& bar) { return bar.index == access.region; });
}

Result<Server::Answer> Server::on_region_read(const Message& message) {
  const RegionAccess access = TRY(parse_region_access(message.payload));
  TRY(check_access(access));
  Answer answer;
  write_region_access(access, answer.payload);
  answer.payload.resize(RegionAccess::kBytes + access.count);
  const Bytes data = Bytes(answer.payload).subspan(RegionAccess::kBytes);
  if (access.region == kConfigRegion) {
    config_.read(static_cast<std::uint32_t>(access.offset), data);
  } else if (!is_of_msix(access)) {
    ++statistics_.register_accesses;
    const auto size = static_cast<std::uint8_t>(access.count);
    const std::uint64_t value = device_.read(static_cast<std::uint8_t>(access.region), access.offset, size);
    std::memcpy(data.data(), &value, size);
  }
  return answer;
}

Result<Server::Answer> Server::on_region_write(const Message& message) {
  const RegionAccess access = TRY(parse_region_access(message.payload));
  TRY(check_access(access));
  const ConstBytes data = ConstBytes(message.payload).subspan(RegionAccess::kBytes);
  if (data.size() != access.count) return refused(EINVAL, "a write of another length than it says");
  if (access.region == kConfigRegion) {
    config_.write(static_cast<std::uint32_t>(access.offset), data);
  } else if (!is_of_msix(access)) {
    ++statistics_.register_accesses;
    std::uint64_t value = 0;
    std::memcpy(&value, data.data(), data.size());
    device_.write(static_cast<std::uint8_t>(access.region), access.offset,
                  static_cast<std::uint8_t>(access.count), value);
  }
  Answer answer;
  write_region_access(access, answer.payload);
  return answer;
}

}  // namespace enid::pci::vfio_user
