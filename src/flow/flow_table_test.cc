#include "flow/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "base/random.h"

namespace enid::flow {
namespace {

FlowKey key_of(std::uint32_t number) {
  return {number * 2654435761u, ~number, static_cast<std::uint16_t>(number), 53, FlowKey::scope_of(3, 17)};
}

TEST(FlowTable, finds_what_was_inserted_until_all_is_forgotten) {
  FlowTable<int> table(1024, 1);
  const FlowKey key = key_of(1);
  EXPECT_EQ(table.find(key, table.hash(key)), nullptr);
  table.insert(key, table.hash(key)) = 42;
  ASSERT_NE(table.find(key, table.hash(key)), nullptr);
  EXPECT_EQ(table.find(key, table.hash(key))->value, 42);
  EXPECT_EQ(table.size(), 1u);
  table.forget_all();
  EXPECT_EQ(table.find(key, table.hash(key)), nullptr);
  EXPECT_EQ(table.size(), 0u);
  table.insert(key, table.hash(key)) = 43;
  EXPECT_EQ(table.find(key, table.hash(key))->value, 43);
}

TEST(FlowTable, keys_that_differ_in_one_field_are_different) {
  FlowTable<int> table(1024, 1);
  const FlowKey key = key_of(1);
  table.insert(key, table.hash(key)) = 1;
  for (int field = 0; field < 5; ++field) {
    FlowKey other = key;
    if (field == 0) ++other.source;
    if (field == 1) ++other.destination;
    if (field == 2) ++other.source_port;
    if (field == 3) ++other.destination_port;
    if (field == 4) ++other.scope;
    EXPECT_EQ(table.find(other, table.hash(other)), nullptr) << field;
  }
}

// Against a std::map that never loses an entry: the table may forget, but never be wrong.
TEST(FlowTable, agrees_with_a_map_and_loses_little_at_its_normal_load) {
  Random random(11);
  FlowTable<std::uint32_t> table(4096, 2);
  std::map<std::uint32_t, std::uint32_t> reference;
  std::size_t asked = 0;
  std::size_t lost = 0;
  for (std::uint32_t step = 0; step < 200'000; ++step) {
    const auto number = static_cast<std::uint32_t>(random.below(1600));  // A load of 0.4.
    const FlowKey key = key_of(number);
    const std::uint64_t hash = table.hash(key);
    if (random.below(20'000) == 0) {
      table.forget_all();
      reference.clear();
    }
    if (random.below(3) == 0) {
      table.insert(key, hash) = step;
      reference[number] = step;
    } else if (const auto known = reference.find(number); known != reference.end()) {
      const auto* found = table.find(key, hash);
      ++asked;
      if (found == nullptr) {
        ++lost;
      } else {
        ASSERT_EQ(found->value, known->second);
      }
    } else {
      ASSERT_EQ(table.find(key, hash), nullptr);
    }
    ASSERT_LE(table.size(), reference.size());
  }
  EXPECT_LT(lost, asked / 100);
}

TEST(FlowTable, grows_to_its_limit_while_it_is_used_and_loses_little) {
  constexpr std::uint32_t kFlows = 100'000;
  FlowTable<std::uint32_t> table(1 << 18, 4);
  Random random(12);
  EXPECT_EQ(table.capacity(), FlowTable<std::uint32_t>::kEntriesAtFirst);
  std::size_t lost = 0;
  for (std::uint32_t number = 0; number < kFlows; ++number) {
    const FlowKey key = key_of(number);
    table.insert(key, table.hash(key)) = number;
    const auto earlier = static_cast<std::uint32_t>(random.below(number + 1));
    const FlowKey asked = key_of(earlier);
    table.prefetch(table.hash(asked));
    const auto* found = table.find(asked, table.hash(asked));
    if (found == nullptr) {
      ++lost;
    } else {
      ASSERT_EQ(found->value, earlier);
    }
  }
  EXPECT_LT(lost, kFlows / 100);
  EXPECT_EQ(table.capacity(), 1U << 18);
  EXPECT_LE(table.size(), kFlows);
  EXPECT_GT(table.size(), kFlows - kFlows / 50);
}

TEST(FlowTable, has_one_entry_of_a_flow_that_is_inserted_again_while_it_grows) {
  FlowTable<std::uint32_t> table(1 << 16, 5);
  std::uint32_t number = 0;
  while (table.capacity() == FlowTable<std::uint32_t>::kEntriesAtFirst) {
    const FlowKey key = key_of(number);
    table.insert(key, table.hash(key)) = number++;
  }
  const std::size_t before = table.size();
  for (std::uint32_t again = 0; again < 100; ++again) {
    const FlowKey key = key_of(number - 2 - again);
    table.insert(key, table.hash(key)) = 7;
    EXPECT_EQ(table.find(key, table.hash(key))->value, 7u);
  }
  EXPECT_LE(table.size(), before);
  table.forget_all();
  for (std::uint32_t each = 0; each < number; ++each)
    ASSERT_EQ(table.find(key_of(each), table.hash(key_of(each))), nullptr);
}

TEST(FlowTable, when_full_the_newest_is_found) {
  FlowTable<std::uint32_t> table(64, 3);
  for (std::uint32_t number = 0; number < 10'000; ++number) {
    const FlowKey key = key_of(number);
    table.insert(key, table.hash(key)) = number;
    ASSERT_NE(table.find(key, table.hash(key)), nullptr);
  }
  EXPECT_LE(table.size(), table.capacity() + FlowTable<std::uint32_t>::kWindow);
}

}  // namespace
}  // namespace enid::flow
