// DmaTable: which guest addresses the client has opened to the device, and where their bytes are.
//
// Theory of operation
//   The client maps and unmaps ranges of addresses, each with a part of a file (guest RAM), or without (a
//   ROM, a neighbour's or our own BAR: known, but out of reach). A picture of all accessible ranges is made
//   only when asked for, since changes come in long rows; neighbours that continue each other are one range
//   of the picture. Behind a virtual IOMMU every page is a map of its own with a descriptor of its own, yet
//   of one file: so a file is mapped once, whole, and found again by its identity. A file that has
//   grown is mapped again, for the maps that come; a file that cannot be mapped whole is mapped in parts.
//
// Invariants
//   (1) Ranges do not overlap, none wraps, and there are at most kRangesMax. (2) A refused request has
//   changed nothing. (3) A file's mapping lives as long as a range, a picture or the list of the
//   kFilesKept last used ones needs it.
//
// Sources
//   Documented: Linux include/uapi/linux/vfio.h, VFIO_IOMMU_MAP_DMA and VFIO_IOMMU_UNMAP_DMA (type 1 version
//   2: an unmap may cover several maps, or none). Chosen: an unmap that cuts a map leaves the rest of it,
//   where the kernel refuses: taking access away must not fail.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "pci/descriptor.h"
#include "pci/guest_memory.h"

namespace enid::pci {

struct DmaMapping {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  bool readable = false;
  bool writable = false;
  std::uint64_t file_offset = 0;
};

class DmaTable {
 public:
  static constexpr std::size_t kRangesMax = 65'535;
  static constexpr std::size_t kFilesKept = 16;

  explicit DmaTable(DescriptorUser& descriptors) : descriptors_(descriptors) {}

  // `file` may be null: the range is then known, but not accessible.
  Result<void> map(const DmaMapping& mapping, const Descriptor* file);
  Result<void> unmap(std::uint64_t address, std::uint64_t size);
  void unmap_all();

  // True when a picture made now would differ from the last one.
  bool has_changed() const { return has_changed_; }
  std::shared_ptr<const GuestMemory> picture();

  // Without any, a device cannot work: the guest's memory is private to the client.
  bool has_writable_memory() const;
  std::size_t size() const { return ranges_.size(); }

 private:
  using Ranges = std::map<std::uint64_t, MemoryRange>;

  struct MappedFile {
    std::uint64_t identity = 0;
    bool writable = false;
    std::uint64_t offset = 0;  // Of the mapping's first byte in the file.
    std::shared_ptr<SharedMemory> memory;
  };
  struct FileBytes {
    std::uint8_t* bytes = nullptr;
    std::shared_ptr<SharedMemory> owner;
  };

  bool overlaps(std::uint64_t address, std::uint64_t last) const;
  Ranges::iterator first_that_ends_after(std::uint64_t address);
  Result<FileBytes> bytes_of(const Descriptor& file, std::uint64_t offset, std::uint64_t size, bool writable);

  DescriptorUser& descriptors_;
  Ranges ranges_;                  // By address.
  std::vector<MappedFile> files_;  // Most recently used last.
  bool has_changed_ = false;
};

}  // namespace enid::pci
