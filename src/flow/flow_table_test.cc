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
