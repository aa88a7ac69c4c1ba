#include "srd/receive_window.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"

namespace enid::srd {
namespace {

using Insertion = ReceiveWindow::Insertion;

TEST(ReceiveWindow, takes_each_number_once_across_the_wrap) {
  ReceiveWindow window(0xffff'fffe, 512);
  EXPECT_EQ(window.insert(0), Insertion::kNew);
  EXPECT_EQ(window.insert(0xffff'fffe), Insertion::kNew);
  EXPECT_EQ(window.insert(0xffff'fffe), Insertion::kDuplicate);
  EXPECT_EQ(window.next(), 0xffff'ffff);
  EXPECT_EQ(window.insert(0xffff'ffff), Insertion::kNew);
  EXPECT_EQ(window.next(), 1U);
  EXPECT_EQ(window.insert(0), Insertion::kDuplicate);
}

TEST(ReceiveWindow, refuses_what_it_could_not_remember) {
  ReceiveWindow window(0, 512);
  EXPECT_EQ(window.insert(512 - 65), Insertion::kNew);
  EXPECT_EQ(window.insert(512 - 64), Insertion::kBeyond);
  EXPECT_EQ(window.insert(0x8000'0000 - 1), Insertion::kBeyond);
  EXPECT_LE(window.bytes(), 512U / 8);
}

TEST(ReceiveWindow, forgets_the_number_that_was_just_taken) {
  ReceiveWindow window(10, 512);
  window.insert(11);
  window.insert(10);
  EXPECT_EQ(window.next(), 12U);
  window.remove(10);
  EXPECT_EQ(window.next(), 10U);
  EXPECT_EQ(window.insert(11), Insertion::kDuplicate);
  EXPECT_EQ(window.insert(10), Insertion::kNew);
  EXPECT_EQ(window.next(), 12U);
}

TEST(ReceiveWindow, gives_its_memory_back_when_nothing_is_missing) {
  ReceiveWindow window(0, 512);
  window.insert(1);
  EXPECT_GT(window.bytes(), 0U);
  window.release();
  EXPECT_GT(window.bytes(), 0U) << "0 is missing";
  window.insert(0);
  window.release();
  EXPECT_EQ(window.bytes(), 0U);
  EXPECT_EQ(window.insert(1), Insertion::kDuplicate);
}

TEST(ReceiveWindow, agrees_with_a_set_over_random_steps) {
  constexpr std::uint32_t kFirst = 0xffff'ff00;
  constexpr std::uint32_t kBound = 1024;
  Random random(7);
  ReceiveWindow window(kFirst, kBound);
  std::set<std::uint32_t> arrived;  // As distances from kFirst.
  std::uint32_t next = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto distance = static_cast<std::uint32_t>(next + random.below(random.below(8) == 0 ? 1100 : 40));
    const Insertion insertion = window.insert(kFirst + distance);
    if (arrived.contains(distance)) {
      ASSERT_EQ(insertion, Insertion::kDuplicate);
    } else if (distance >= next + kBound - 64) {
      ASSERT_EQ(insertion, Insertion::kBeyond);
    } else {
      ASSERT_EQ(insertion, Insertion::kNew);
      arrived.insert(distance);
    }
    while (arrived.contains(next)) ++next;
    ASSERT_EQ(window.next(), kFirst + next);
    const std::uint32_t block = block_of(kFirst + next);
    std::uint64_t expected = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
      const std::uint32_t d = block + i - kFirst;
      if (psn_before(block + i, kFirst) || arrived.contains(d)) expected |= 1ULL << i;
    }
    ASSERT_EQ(window.block(block), expected);
  }
}

}  // namespace
}  // namespace enid::srd
