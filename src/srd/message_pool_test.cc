#include "srd/message_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/random.h"

namespace enid::srd {
namespace {

TEST(MessagePool, gives_slabs_that_do_not_overlap_and_keep_their_bytes) {
  Random random(1);
  MessagePool pool(10 * MessagePool::kBlockBytes);
  std::map<MessagePool::Slab, std::uint8_t> held;
  for (int i = 0; i < 20'000; ++i) {
    if (random.below(2) == 0 && !held.empty()) {
      auto chosen = held.begin();
      std::advance(chosen, random.below(held.size()));
      EXPECT_TRUE(std::ranges::all_of(pool.bytes_of(chosen->first),
                                      [&](std::uint8_t byte) { return byte == chosen->second; }));
      pool.release(chosen->first);
      held.erase(chosen);
    } else {
      const auto bytes = static_cast<std::uint32_t>(random.below(MessagePool::kSlabBytes.back() + 1));
      const MessagePool::Slab slab = pool.allocate(bytes);
      if (slab == MessagePool::kNoSlab) continue;
      ASSERT_GE(pool.bytes_of(slab).size(), bytes);
      const auto mark = static_cast<std::uint8_t>(random.next());
      ASSERT_TRUE(held.emplace(slab, mark).second);
      std::ranges::fill(pool.bytes_of(slab), mark);
    }
    ASSERT_LE(pool.bytes_used(), pool.bytes_max());
    ASSERT_EQ(pool.slabs_used(), held.size());
  }
  for (const auto& [slab, mark] : held) pool.release(slab);
  EXPECT_EQ(pool.bytes_used(), 0u);
}

TEST(MessagePool, refuses_at_its_bound_and_serves_another_size_when_all_came_back) {
  MessagePool pool(4 * MessagePool::kBlockBytes);
  std::vector<MessagePool::Slab> slabs;
  const auto fill = [&](std::uint32_t bytes) {
    while (const MessagePool::Slab slab = pool.allocate(bytes)) slabs.push_back(slab);
    const std::size_t count = slabs.size();
    for (const MessagePool::Slab slab : slabs) pool.release(slab);
    slabs.clear();
    return count;
  };
  EXPECT_EQ(fill(9'000), 16u);
  EXPECT_EQ(fill(100), 4 * MessagePool::kBlockBytes / 256);
  EXPECT_EQ(fill(1'000), 4 * MessagePool::kBlockBytes / 1'024);
  EXPECT_EQ(fill(9'216), 16u);
}

TEST(MessagePool, gives_memory_back_that_is_not_needed) {
  MessagePool pool(1'000 * MessagePool::kBlockBytes);
  std::vector<MessagePool::Slab> slabs;
  for (int i = 0; i < 4'000; ++i) slabs.push_back(pool.allocate(9'000));
  EXPECT_EQ(pool.bytes_held(), pool.bytes_max());
  for (const MessagePool::Slab slab : slabs) pool.release(slab);
  EXPECT_EQ(pool.bytes_held(), MessagePool::kSpareBlocksMax * MessagePool::kBlockBytes);
}

}  // namespace
}  // namespace enid::srd
