#include "srd/connection.h"

#include <gtest/gtest.h>

#include "srd/testing/faulty_pair.h"

namespace enid::srd {
namespace {

TEST(Connection, delivers_everything_over_a_good_network) {
  FaultyPair pair(1, {});
  pair.run(2000);
  EXPECT_EQ(pair.violation(), "");
  EXPECT_EQ(pair.delivered(), 4000);
  EXPECT_EQ(pair.ended_delivered(), 4000);
  EXPECT_EQ(pair.side(0).counters().retransmission_timeouts, 0);
}

TEST(Connection, keeps_its_promises_whatever_the_network_does) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    FaultyPair pair(seed, Faults::by_chance(random));
    pair.run(300);
    ASSERT_EQ(pair.violation(), "");
  }
}

}  // namespace
}  // namespace enid::srd
