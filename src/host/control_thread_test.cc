#include "host/control_thread.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace enid::host {
namespace {

TEST(ControlThread, runs_work_in_the_order_of_posting) {
  ControlThread thread;
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) thread.post([&order, i] { order.push_back(i); });
  thread.run([] {});
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(ControlThread, runs_delayed_work_later) {
  ControlThread thread;
  std::atomic<int> step = 0;
  thread.post_after(Duration::from_milliseconds(20), [&] { step = 2; });
  thread.run([&] { EXPECT_EQ(step.load(), 0); });
  while (step != 2) std::this_thread::yield();
}

TEST(ControlThread, drops_what_comes_after_its_end) {
  ControlThread thread;
  thread.stop();
  bool ran = false;
  thread.post([&] { ran = true; });
  thread.stop();
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace enid::host
