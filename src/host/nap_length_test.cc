#include "host/nap_length.h"

#include <gtest/gtest.h>

namespace enid::host {
namespace {

constexpr Duration us(std::int64_t count) { return Duration::from_microseconds(count); }

TEST(NapLength, grows_with_the_silence_up_to_its_bound) {
  const NapLength naps;
  EXPECT_EQ(naps.after(us(0)), NapLength::kLeast);
  EXPECT_EQ(naps.after(us(100'000)), us(100));
  EXPECT_EQ(naps.after(us(3'000'000)), us(3'000));
  EXPECT_EQ(naps.after(us(60'000'000)), NapLength::kMost);
}

TEST(NapLength, is_a_multiple_of_what_naps_cost_here) {
  NapLength naps;
  for (int i = 0; i < 200; ++i) naps.note_cost(us(30));
  EXPECT_GE(naps.after(us(0)), us(119));
  EXPECT_LE(naps.after(us(0)), us(120));
  EXPECT_EQ(naps.after(us(1'000'000)), us(1'000)) << "silence asks for longer ones";
}

TEST(NapLength, stays_short_in_traffic_however_much_it_costs) {
  NapLength naps;
  for (int i = 0; i < 1'000; ++i) naps.note_cost(us(50'000));
  EXPECT_EQ(naps.after(us(0)), NapLength::kMostInTraffic);
}

}  // namespace
}  // namespace enid::host
