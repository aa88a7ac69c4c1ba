#include "srd/message_pool.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace enid::srd {

MessagePool::MessagePool(std::size_t bytes_max)
    : blocks_max_(std::max<std::size_t>(bytes_max / kBlockBytes, kSlabBytes.size())) {}

bool MessagePool::open_block(std::uint8_t size) {
  std::uint32_t number = 0;
  if (!spare_.empty()) {
    number = spare_.back();
    spare_.pop_back();
  } else if (blocks_used_ == blocks_max_) {
    return false;
  } else if (!unused_.empty()) {
    number = unused_.back();
    unused_.pop_back();
  } else {
    number = static_cast<std::uint32_t>(blocks_.size());
    blocks_.emplace_back();
  }
  Block& block = blocks_[number];
  if (!block.memory) block.memory = std::make_unique_for_overwrite<Memory>();
  block.first_free = kNone;
  block.touched = 0;
  block.used = 0;
  block.size = size;
  ++blocks_used_;
  list(number);
  return true;
}

void MessagePool::list(std::uint32_t block) {
  auto& listed = with_room_[blocks_[block].size];
  blocks_[block].place = static_cast<std::uint32_t>(listed.size());
  listed.push_back(block);
}

void MessagePool::unlist(std::uint32_t block) {
  auto& listed = with_room_[blocks_[block].size];
  const std::uint32_t place = blocks_[block].place;
  listed[place] = listed.back();
  blocks_[listed[place]].place = place;
  listed.pop_back();
}

MessagePool::Slab MessagePool::allocate(std::uint32_t bytes) {
  CHECK(bytes <= kSlabBytes.back());
  std::uint8_t size = 0;
  while (kSlabBytes[size] < bytes) ++size;
  if (with_room_[size].empty() && !open_block(size)) return kNoSlab;
  const std::uint32_t number = with_room_[size].back();
  Block& block = blocks_[number];
  std::uint16_t slot = block.first_free;
  if (slot == kNone) {
    slot = block.touched++;
  } else {
    std::memcpy(&block.first_free, block.memory->bytes.data() + slot * kSlabBytes[size],
                sizeof block.first_free);
  }
  ++slabs_used_;
  if (++block.used == slots(size)) unlist(number);
  return (std::uint64_t{number} + 1) << 16 | slot;
}

void MessagePool::release(Slab slab) {
  const std::uint32_t number = block_of(slab);
  Block& block = blocks_[number];
  CHECK(block.used != 0);
  const std::uint16_t slot = slot_of(slab);
  std::memcpy(block.memory->bytes.data() + slot * kSlabBytes[block.size], &block.first_free,
              sizeof block.first_free);
  block.first_free = slot;
  --slabs_used_;
  if (block.used-- == slots(block.size)) list(number);
  if (block.used != 0) return;
  unlist(number);
  --blocks_used_;
  if (spare_.size() < kSpareBlocksMax) {
    spare_.push_back(number);
  } else {
    block.memory.reset();
    unused_.push_back(number);
  }
}

}  // namespace enid::srd
