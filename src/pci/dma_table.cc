#include "pci/dma_table.h"

#include <algorithm>

#include "pci/refusal.h"

namespace enid::pci {
namespace {

std::uint64_t last_of(const MemoryRange& range) { return range.address + (range.size - 1); }

// The part of `range` from its byte number `at` on.
MemoryRange part_of(const MemoryRange& range, std::uint64_t at, std::uint64_t size) {
  MemoryRange part = range;
  part.address += at;
  part.size = size;
  if (part.bytes != nullptr) part.bytes += at;
  return part;
}

bool continues(const MemoryRange& before, const MemoryRange& after) {
  return last_of(before) + 1 == after.address && before.bytes + before.size == after.bytes &&
         before.owner == after.owner && before.readable == after.readable &&
         before.writable == after.writable;
}

}  // namespace

DmaTable::Ranges::iterator DmaTable::first_that_ends_after(std::uint64_t address) {
  auto range = ranges_.upper_bound(address);
  if (range != ranges_.begin() && last_of(std::prev(range)->second) >= address) --range;
  return range;
}

bool DmaTable::overlaps(std::uint64_t address, std::uint64_t last) const {
  const auto after = ranges_.upper_bound(last);  // The last range that begins at or before `last`.
  return after != ranges_.begin() && last_of(std::prev(after)->second) >= address;
}

Result<void> DmaTable::map(const DmaMapping& mapping, const Descriptor* file) {
  if (mapping.size == 0 || mapping.address + (mapping.size - 1) < mapping.address)
    return refused(EINVAL, "a map of no addresses, or beyond the last one");
  if (ranges_.size() >= kRangesMax) return refused(ENOSPC, "too many maps");
  if (overlaps(mapping.address, mapping.address + (mapping.size - 1)))
    return refused(EEXIST, "a map over addresses that are mapped");
  MemoryRange range{mapping.address, mapping.size, mapping.readable, mapping.writable, nullptr, nullptr};
  if (file != nullptr && (mapping.readable || mapping.writable)) {
    FileBytes found = TRY(bytes_of(*file, mapping.file_offset, mapping.size, mapping.writable));
    range.bytes = found.bytes;
    range.owner = std::move(found.owner);
  }
  if (range.bytes != nullptr) has_changed_ = true;
  ranges_.emplace(mapping.address, std::move(range));
  return {};
}

Result<void> DmaTable::unmap(std::uint64_t address, std::uint64_t size) {
  if (size == 0 || address + (size - 1) < address)
    return refused(EINVAL, "an unmap of no addresses, or beyond the last one");
  const std::uint64_t last = address + (size - 1);
  auto range = first_that_ends_after(address);
  const bool is_cut_in_two =
      range != ranges_.end() && range->second.address < address && last_of(range->second) > last;
  if (is_cut_in_two && ranges_.size() >= kRangesMax) return refused(ENOSPC, "too many maps");
  while (range != ranges_.end() && range->second.address <= last) {
    const MemoryRange old = std::move(range->second);
    range = ranges_.erase(range);
    if (old.bytes != nullptr) has_changed_ = true;
    if (old.address < address) ranges_.emplace(old.address, part_of(old, 0, address - old.address));
    if (last_of(old) > last)
      ranges_.emplace(last + 1, part_of(old, last + 1 - old.address, last_of(old) - last));
  }
  return {};
}

void DmaTable::unmap_all() {
  has_changed_ = has_changed_ || !ranges_.empty();
  ranges_.clear();
  files_.clear();
}

std::shared_ptr<const GuestMemory> DmaTable::picture() {
  std::vector<MemoryRange> pieces;
  for (const auto& [address, range] : ranges_) {
    if (range.bytes == nullptr) continue;
    if (!pieces.empty() && continues(pieces.back(), range))
      pieces.back().size += range.size;
    else
      pieces.push_back(range);
  }
  has_changed_ = false;
  return std::make_shared<const GuestMemory>(std::move(pieces));
}

bool DmaTable::has_writable_memory() const {
  return std::ranges::any_of(
      ranges_, [](const auto& entry) { return entry.second.bytes != nullptr && entry.second.writable; });
}

Result<DmaTable::FileBytes> DmaTable::bytes_of(const Descriptor& file, std::uint64_t offset,
                                               std::uint64_t size, bool writable) {
  const std::uint64_t end = offset + size;
  if (end < offset) return refused(EINVAL, "a map beyond the end of every file");
  const std::uint64_t file_size = file.size();
  if (file_size != 0 && end > file_size) return refused(EINVAL, "a map beyond the end of its file");
  const std::uint64_t identity = file.identity();
  const auto found = std::ranges::find_if(files_, [&](const MappedFile& mapped) {
    return mapped.identity == identity && (mapped.writable || !writable) && offset >= mapped.offset &&
           end <= mapped.offset + mapped.memory->bytes().size();
  });
  if (found != files_.end()) {
    std::rotate(found, found + 1, files_.end());
    return FileBytes{files_.back().memory->bytes().data() + (offset - files_.back().offset),
                     files_.back().memory};
  }
  MappedFile mapped{identity, writable, 0, nullptr};
  if (file_size != 0) {
    if (auto whole = descriptors_.map(file, 0, file_size, writable)) mapped.memory = std::move(*whole);
  }
  if (mapped.memory == nullptr) {
    mapped.offset = offset;
    mapped.memory = TRY(descriptors_.map(file, offset, size, writable));
  }
  // What a smaller mapping of this file shows, the new one shows too.
  std::erase_if(files_, [&](const MappedFile& other) {
    return other.identity == identity && (writable || !other.writable) && mapped.offset <= other.offset &&
           other.offset + other.memory->bytes().size() <= mapped.offset + mapped.memory->bytes().size();
  });
  if (files_.size() >= kFilesKept) files_.erase(files_.begin());
  files_.push_back(mapped);
  return FileBytes{mapped.memory->bytes().data() + (offset - mapped.offset), mapped.memory};
}

}  // namespace enid::pci
