#include "sim/event_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/random.h"

namespace enid::sim {
namespace {

struct Before {
  bool operator()(const Event& left, const Event& right) const { return left.before(right); }
};

TEST(EventQueue, agrees_with_a_sorted_set_over_a_hundred_thousand_random_steps) {
  Random random(7);
  EventQueue queue;
  std::multiset<Event, Before> reference;
  for (int step = 0; step < 100'000; ++step) {
    const Event event{static_cast<Picoseconds>(random.below(500)),
                      static_cast<std::uint32_t>(random.below(4)),
                      static_cast<std::uint32_t>(random.below(50))};
    const std::uint64_t action = random.below(reference.size() > 300 ? 4 : 3);
    if (reference.empty() || action == 0) {
      queue.push(event);
      reference.insert(event);
    } else {
      const Event& expected = *reference.begin();
      ASSERT_EQ(queue.top().time, expected.time);
      ASSERT_EQ(queue.top().tie, expected.tie);
      ASSERT_EQ(queue.top().target, expected.target);
      reference.erase(reference.begin());
      if (action == 1) {
        queue.replace_top(event);
        reference.insert(event);
      } else {
        queue.pop();
      }
    }
    ASSERT_EQ(queue.size(), reference.size());
  }
}

TEST(EventQueue, order_does_not_depend_on_who_came_first) {
  const std::vector<Event> events = {{5, 1, 2}, {5, 1, 1}, {5, 0, 9}, {4, 7, 7}, {6, 0, 0}};
  std::vector<std::size_t> order = {0, 1, 2, 3, 4};
  do {
    EventQueue queue;
    for (const std::size_t i : order) queue.push(events[i]);
    std::vector<std::uint32_t> targets;
    for (; !queue.empty(); queue.pop()) targets.push_back(queue.top().target);
    EXPECT_EQ(targets, (std::vector<std::uint32_t>{7, 9, 1, 2, 0}));
  } while (std::ranges::next_permutation(order).found);
}

TEST(EventQueue, ties_favour_nobody) {
  int lower_first = 0;
  constexpr int kMeetings = 10'000;
  for (int i = 0; i < kMeetings; ++i) {
    const Picoseconds time = Picoseconds{332'000} * i;
    if (tie_of(13, time, 100) < tie_of(13, time, 101)) ++lower_first;
  }
  EXPECT_NEAR(lower_first, kMeetings / 2, kMeetings / 50);
}

}  // namespace
}  // namespace enid::sim
