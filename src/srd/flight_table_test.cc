#include "srd/flight_table.h"

#include <gtest/gtest.h>

#include <list>

#include "base/random.h"

namespace enid::srd {
namespace {

Instant at(std::int64_t n) { return Instant{n}; }

TEST(FlightTable, has_room_for_its_bound_and_no_more) {
  FlightTable table(0xffff'ffc0, 128);
  for (int i = 0; i < 128; ++i) {
    ASSERT_TRUE(table.has_room());
    table.add(at(i), 100);
  }
  EXPECT_FALSE(table.has_room());
  table.remove(table.at(0xffff'ffc1));
  EXPECT_FALSE(table.has_room()) << "the oldest still holds its place";
  table.remove(table.at(0xffff'ffc0));
  EXPECT_EQ(table.begin(), 0xffff'ffc2);
  EXPECT_TRUE(table.has_room());
}

TEST(FlightTable, weighs_what_is_in_flight) {
  FlightTable table(0, 64);
  ASSERT_TRUE(table.has_room());
  Flight& a = table.add(at(1), 1000);
  Flight& b = table.add(at(2), 500);
  EXPECT_EQ(table.in_flight_bytes(), 1500 + 2 * kDatagramOverhead);
  table.mark_lost(a);
  EXPECT_EQ(table.in_flight_bytes(), 500 + kDatagramOverhead);
  table.drop_payload(a);
  table.sent_again(at(3), a);
  EXPECT_EQ(table.in_flight_bytes(), 500 + 2 * kDatagramOverhead);
  table.drop_payload(b);
  EXPECT_EQ(table.in_flight_bytes(), 2 * kDatagramOverhead);
}

// The obvious way: two lists of PSNs.
struct Reference {
  std::list<std::uint32_t> in_flight;
  std::list<std::uint32_t> lost;
};

void expect_same(FlightTable& table, const Reference& reference) {
  ASSERT_EQ(table.in_flight(), reference.in_flight.size());
  ASSERT_EQ(table.lost(), reference.lost.size());
  ASSERT_EQ(table.outstanding(), reference.in_flight.size() + reference.lost.size());
  const Flight* flight = table.oldest_in_flight();
  for (const std::uint32_t psn : reference.in_flight) {
    ASSERT_NE(flight, nullptr);
    ASSERT_EQ(flight->psn, psn);
    ASSERT_TRUE(table.is_outstanding(psn));
    flight = table.next(*flight);
  }
  ASSERT_EQ(flight, nullptr);
  flight = table.first_lost();
  for (const std::uint32_t psn : reference.lost) {
    ASSERT_NE(flight, nullptr);
    ASSERT_EQ(flight->psn, psn);
    flight = table.next(*flight);
  }
  ASSERT_EQ(flight, nullptr);
}

TEST(FlightTable, agrees_with_two_lists_over_random_steps) {
  Random random(3);
  FlightTable table(0xffff'ff80, 256);
  Reference reference;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t what = random.below(10);
    auto& list = what < 7 ? reference.in_flight : reference.lost;
    if (what < 4) {
      if (!table.has_room()) continue;
      reference.in_flight.push_back(table.add(at(step), 10).psn);
    } else if (!list.empty()) {
      const auto chosen = std::next(
          list.begin(), static_cast<std::ptrdiff_t>(random.below(std::min<std::size_t>(list.size(), 9))));
      Flight& flight = table.at(*chosen);
      if (what == 4) {
        table.mark_lost(flight);
        reference.lost.push_back(*chosen);
      } else if (what == 7) {
        table.sent_again(at(step), flight);
        reference.in_flight.push_back(*chosen);
      } else {
        table.remove(flight);
      }
      list.erase(chosen);
    }
    expect_same(table, reference);
  }
}

TEST(FlightTable, gives_its_memory_back_when_empty_and_goes_on) {
  FlightTable table(5, 64);
  ASSERT_TRUE(table.has_room());
  Flight& flight = table.add(at(1), 10);
  table.release();
  EXPECT_GT(table.bytes(), 0U);
  table.remove(flight);
  table.release();
  EXPECT_EQ(table.bytes(), 0U);
  ASSERT_TRUE(table.has_room());
  EXPECT_EQ(table.add(at(2), 10).psn, 6U);
}

}  // namespace
}  // namespace enid::srd
