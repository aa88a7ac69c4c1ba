// MessagePool: bytes of messages that are under way, in memory of a bounded size.
//
// Theory of operation
//   Memory comes in blocks of kBlockBytes. A block that is in use is cut into slabs of one size, the least of
//   kSlabBytes that a message fits; a block none of whose slabs is used serves any size again. So a card
//   that carries small acknowledgements beside large segments does not pay the large ones' memory for both,
//   and whatever the mixture was, all memory comes back. A few empty blocks are kept, the others freed.
//
// Invariants
//   (1) bytes_used() <= the bound. (2) A block with a free slab, and at least one used, is in its size's
//   list.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace enid::srd {

class MessagePool {
 public:
  static constexpr std::array<std::uint32_t, 4> kSlabBytes = {256, 1024, 4096, 9216};
  static constexpr std::uint32_t kBlockBytes = 4 * 9216;  // A multiple of each of them.
  static constexpr std::size_t kSpareBlocksMax = 64;

  using Slab = std::uint64_t;
  static constexpr Slab kNoSlab = 0;

  explicit MessagePool(std::size_t bytes_max);

  // kNoSlab: no block is left. `bytes` is at most the greatest slab.
  Slab allocate(std::uint32_t bytes);
  void release(Slab slab);
  // The whole slab: at least what was asked for.
  Bytes bytes_of(Slab slab) {
    const Block& block = blocks_[block_of(slab)];
    return Bytes(block.memory->bytes).subspan(slot_of(slab) * kSlabBytes[block.size], kSlabBytes[block.size]);
  }

  // Blocks that hold anything, in bytes.
  std::size_t bytes_used() const { return blocks_used_ * std::size_t{kBlockBytes}; }
  std::size_t bytes_max() const { return blocks_max_ * std::size_t{kBlockBytes}; }
  std::size_t bytes_held() const { return (blocks_used_ + spare_.size()) * std::size_t{kBlockBytes}; }
  std::size_t slabs_used() const { return slabs_used_; }

 private:
  static constexpr std::uint16_t kNone = 0xffff;

  // Copies to and from aligned memory take half the time.
  struct alignas(64) Memory {
    std::array<std::uint8_t, kBlockBytes> bytes;
  };
  struct Block {
    std::unique_ptr<Memory> memory;
    std::uint32_t place = 0;           // In its size's list.
    std::uint16_t first_free = kNone;  // A free slab begins with the next one's number.
    std::uint16_t touched = 0;         // Slabs from here on were never used.
    std::uint16_t used = 0;
    std::uint8_t size = 0;
  };

  // A slab's name is never zero: block numbers begin with 1 in it.
  static std::uint32_t block_of(Slab slab) { return static_cast<std::uint32_t>(slab >> 16) - 1; }
  static std::uint16_t slot_of(Slab slab) { return static_cast<std::uint16_t>(slab); }
  static std::uint16_t slots(std::uint8_t size) {
    return static_cast<std::uint16_t>(kBlockBytes / kSlabBytes[size]);
  }
  bool open_block(std::uint8_t size);
  void list(std::uint32_t block);
  void unlist(std::uint32_t block);

  std::vector<Block> blocks_;
  std::vector<std::uint32_t> unused_;  // Blocks without memory.
  std::vector<std::uint32_t> spare_;   // Blocks with memory and without slabs.
  std::array<std::vector<std::uint32_t>, kSlabBytes.size()> with_room_;
  std::size_t blocks_max_;
  std::size_t blocks_used_ = 0;
  std::size_t slabs_used_ = 0;
};

}  // namespace enid::srd
