#include "srd/receive_share.h"

#include <gtest/gtest.h>

namespace enid::srd {
namespace {

constexpr std::uint64_t kLink = 100'000'000'000;

// Each of `senders` sends so much of the link, for so long.
void arrive(ReceiveShare& share, Instant& now, std::uint32_t senders, double load, Duration time) {
  const Instant until = now + time;
  const auto gap = static_cast<std::int64_t>(4000 * 8 * senders / (load * 100));
  while (now < until) {
    for (std::uint32_t s = 0; s < senders; ++s) share.on_arrival(now, s, 4000);
    now = now + Duration{gap};
    share.share(now);
  }
}

TEST(ReceiveShare, does_not_limit_one_sender) {
  ReceiveShare share(kLink);
  Instant now{};
  arrive(share, now, 1, 1.0, Duration::from_microseconds(200));
  EXPECT_EQ(share.share(now), 0U);
}

TEST(ReceiveShare, divides_a_full_link_equally) {
  ReceiveShare share(kLink);
  Instant now{};
  arrive(share, now, 4, 1.0, Duration::from_microseconds(500));
  EXPECT_EQ(share.share(now), kLink / 4);
}

TEST(ReceiveShare, does_not_limit_several_that_do_not_fill_the_link) {
  ReceiveShare share(kLink);
  Instant now{};
  arrive(share, now, 4, 0.3, Duration::from_microseconds(500));
  EXPECT_EQ(share.share(now), 0U);
}

TEST(ReceiveShare, gives_back_what_is_left_over) {
  ReceiveShare share(kLink);
  Instant now{};
  arrive(share, now, 4, 1.0, Duration::from_microseconds(500));
  arrive(share, now, 4, 0.5, Duration::from_milliseconds(2));
  EXPECT_EQ(share.share(now), 0U);
}

}  // namespace
}  // namespace enid::srd
