#include "instances/ordered_workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace enid::instances {
namespace {

TEST(OrderedWorkers, run_jobs_of_one_key_in_order_and_one_at_a_time) {
  std::vector<int> order;
  std::atomic<int> inside = 0;
  {
    OrderedWorkers workers(4);
    for (int i = 0; i < 200; ++i)
      workers.post("one", [&, i] {
        EXPECT_EQ(inside.fetch_add(1), 0);
        order.push_back(i);
        inside.fetch_sub(1);
      });
  }
  ASSERT_EQ(order.size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(OrderedWorkers, run_jobs_of_different_keys_beside_each_other) {
  std::promise<void> first_runs;
  std::promise<void> second_ran;
  OrderedWorkers workers(2);  // Ends first: its jobs use the promises.
  workers.post("first", [&] {
    first_runs.set_value();
    second_ran.get_future().wait();  // Would wait for ever if the second waited for us.
  });
  first_runs.get_future().wait();
  workers.post("second", [&] { second_ran.set_value(); });
}

TEST(OrderedWorkers, end_after_the_jobs_that_jobs_posted) {
  std::atomic<int> ran = 0;
  {
    OrderedWorkers workers(3);
    workers.post("a", [&] {
      for (int i = 0; i < 10; ++i) workers.post(std::to_string(i), [&] { ++ran; });
    });
  }
  EXPECT_EQ(ran, 10);
}

}  // namespace
}  // namespace enid::instances
