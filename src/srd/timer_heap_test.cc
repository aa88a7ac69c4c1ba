#include "srd/timer_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"

namespace enid::srd {
namespace {

TEST(TimerHeap, knows_the_first_of_timers_that_move_as_a_slow_search_does) {
  constexpr std::uint32_t kTimers = 40;
  Random random(1);
  TimerHeap heap;
  std::vector<Instant> all(kTimers, Instant::never());
  for (int i = 0; i < 50'000; ++i) {
    const auto who = static_cast<std::uint32_t>(random.below(kTimers));
    all[who] =
        random.below(3) == 0 ? Instant::never() : Instant{static_cast<std::int64_t>(random.below(100))};
    heap.set(who, all[who]);
    ASSERT_EQ(heap.first(), *std::ranges::min_element(all));
    ASSERT_EQ(heap.empty(), heap.first() == Instant::never());
    if (!heap.empty()) {
      ASSERT_EQ(all[heap.who_is_first()], heap.first());
    }
  }
}

TEST(TimerHeap, ignores_the_end_of_a_timer_that_never_was) {
  TimerHeap heap;
  heap.set(1'000, Instant::never());
  EXPECT_TRUE(heap.empty());
}

}  // namespace
}  // namespace enid::srd
