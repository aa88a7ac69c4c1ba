// The reorder buffer: stories of one flow, and hundreds of seeds against a slow and obvious one.
#include "card/express/reorder_buffer.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>

#include "base/random.h"

namespace enid::card {
namespace {

constexpr Duration kHold = Duration::from_microseconds(100);
using Verdict = ReorderBuffer::Verdict;

// A frame is its own name: four bytes, and filling.
std::vector<std::uint8_t> frame_of(std::uint32_t name, std::size_t bytes = 60) {
  std::vector<std::uint8_t> frame(bytes, 0x5a);
  store_be32(frame.data(), name);
  return frame;
}

class Reorder : public testing::Test {
 protected:
  // What passes now, by name.
  std::vector<std::uint32_t> add(std::uint32_t sequence, std::uint16_t tag = 1, std::size_t bytes = 60) {
    const auto frame = frame_of(sequence, bytes);
    passed.clear();
    const Verdict verdict = buffer.add(now, {tag, sequence, 7, frame, kHold}, passed);
    std::vector<std::uint32_t> out;
    if (verdict == Verdict::kPasses) out.push_back(sequence);
    append(out);
    if (verdict == Verdict::kFollows) out.push_back(sequence);
    return out;
  }
  std::vector<std::uint32_t> wait(Duration time) {
    now = now + time;
    passed.clear();
    buffer.on_timeout(now, passed);
    std::vector<std::uint32_t> out;
    append(out);
    return out;
  }
  void append(std::vector<std::uint32_t>& out) {
    for (const auto& each : passed) {
      EXPECT_EQ(each.vni, 7u);
      out.push_back(load_be32(each.frame.data()));
    }
    buffer.recycle();
  }
  using List = std::vector<std::uint32_t>;

  ReorderMemory memory;
  ReorderBuffer buffer{memory};
  std::vector<ReorderBuffer::Passed> passed;
  Instant now{1'000'000};
};

TEST_F(Reorder, what_is_in_order_passes_without_a_copy) {
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(add(i), List{i});
  EXPECT_EQ(buffer.bytes(), 0u);
  EXPECT_EQ(buffer.next_timeout(), Instant::never());
}

TEST_F(Reorder, what_is_ahead_waits_until_the_gap_closes) {
  EXPECT_FALSE(buffer.has_begun(1));
  EXPECT_EQ(add(0), List{0});
  EXPECT_TRUE(buffer.has_begun(1));
  EXPECT_EQ(add(3), List{});
  EXPECT_EQ(add(2), List{});
  EXPECT_EQ(buffer.next_timeout(), now + kHold);
  EXPECT_EQ(add(1), (List{1, 2, 3}));
  EXPECT_EQ(buffer.bytes(), 0u);
  EXPECT_EQ(add(4), List{4});
}

TEST_F(Reorder, a_gap_is_given_up_when_its_time_is_over_and_the_late_one_passes_at_once) {
  add(0);
  add(2);
  add(3);
  add(5);
  EXPECT_EQ(wait(kHold - Duration::from_nanoseconds(1)), List{});
  EXPECT_EQ(wait(Duration::from_nanoseconds(1)), (List{2, 3, 5}));
  EXPECT_EQ(buffer.counters().given_up, 2u);
  EXPECT_EQ(add(1), List{1});
  EXPECT_EQ(buffer.counters().late, 1u);
  EXPECT_EQ(add(6), List{6});
}

TEST_F(Reorder, only_what_has_waited_long_enough_passes_the_gap) {
  add(0);
  add(2);
  now = now + Duration::from_microseconds(60);
  add(5);
  EXPECT_EQ(wait(Duration::from_microseconds(40)), List{2});
  EXPECT_EQ(add(3), List{3});
  EXPECT_EQ(wait(Duration::from_microseconds(60)), List{5});
}

TEST_F(Reorder, flows_do_not_wait_for_each_other) {
  add(0, 1);
  EXPECT_EQ(add(2, 1), List{});
  EXPECT_EQ(add(0, 2), List{0});
  EXPECT_EQ(add(1, 2), List{1});
}

TEST_F(Reorder, the_first_frame_of_a_flow_may_come_second) {
  EXPECT_EQ(add(1), List{});
  EXPECT_EQ(add(0), (List{0, 1}));
}

TEST_F(Reorder, a_card_that_was_rebooted_numbers_anew) {
  for (std::uint32_t i = 0; i < 9; ++i) add(i);
  EXPECT_EQ(add(10), List{});
  EXPECT_EQ(add(0), (List{10, 0}));
  EXPECT_EQ(add(1), List{1});
}

TEST_F(Reorder, a_receiver_that_was_rebooted_finds_into_the_numbering) {
  EXPECT_EQ(add(4712), List{});
  EXPECT_EQ(add(4711), List{});
  EXPECT_EQ(wait(kHold), (List{4711, 4712}));
  EXPECT_EQ(add(4713), List{4713});
}

TEST_F(Reorder, numbers_wrap_and_leave_out_zero) {
  EXPECT_EQ(add(0xfffffffd), List{}) << "nothing is late for a receiver that has seen nothing";
  EXPECT_EQ(wait(kHold), List{0xfffffffd});
  EXPECT_EQ(add(0xfffffffe), List{0xfffffffe});
  EXPECT_EQ(add(1), List{});
  EXPECT_EQ(add(2), List{});
  EXPECT_EQ(add(0xffffffff), (List{0xffffffff, 1, 2}));
}

TEST_F(Reorder, a_frame_that_finds_no_room_ends_the_gap) {
  ReorderBuffer small(memory, {.bytes_max = 1000, .frames_max = 3});
  const auto frame = frame_of(0);
  passed.clear();
  EXPECT_EQ(small.add(now, {1, 0, 7, frame, kHold}, passed), Verdict::kPasses);
  for (std::uint32_t i = 2; i < 5; ++i)
    EXPECT_EQ(small.add(now, {1, i, 7, frame, kHold}, passed), Verdict::kHeld);
  EXPECT_EQ(small.add(now, {1, 9, 7, frame, kHold}, passed), Verdict::kFollows);
  EXPECT_EQ(passed.size(), 3u);
  EXPECT_EQ(small.counters().no_room, 1u);
  EXPECT_EQ(small.add(now, {1, 10, 7, frame, kHold}, passed), Verdict::kPasses);
  const auto jumbo = frame_of(0, 2000);
  EXPECT_EQ(small.add(now, {1, 12, 7, jumbo, kHold}, passed), Verdict::kFollows);
}

TEST_F(Reorder, what_one_peer_holds_is_missing_for_the_others_and_comes_back) {
  memory.bytes_max = 500;
  {
    ReorderBuffer other(memory);
    const auto frame = frame_of(0, 300);
    EXPECT_EQ(other.add(now, {1, 5, 7, frame, kHold}, passed), Verdict::kHeld);
    EXPECT_EQ(add(3, 1, 300), List{3});
  }
  EXPECT_EQ(memory.bytes, 0u);
  EXPECT_EQ(add(5, 1, 300), List{});
}

// The slow one: a map for each tag, looked at anew each time.
class Reference {
 public:
  explicit Reference(const ReorderLimits& limits) : limits_(limits) {}

  std::vector<std::uint32_t> add(Instant now, std::uint16_t name, std::uint32_t sequence, std::uint32_t id,
                                 std::size_t bytes, Duration hold) {
    Tag& tag = tags_[name];
    std::vector<std::uint32_t> out;
    if (sequence != tag.expected && sequence == 0) {
      drain(tag, out, [](const Item&) { return true; });
      tag.expected = 1;
      out.push_back(id);
    } else if (sequence == tag.expected) {
      out.push_back(id);
      tag.expected = sequence + 1;
      drain_expected(tag, out);
    } else if (sequence < tag.expected) {
      out.push_back(id);
    } else if (used() + 1 > limits_.frames_max || bytes_used() + bytes + overhead > limits_.bytes_max) {
      drain(tag, out, [](const Item&) { return true; });
      if (sequence >= tag.expected) tag.expected = sequence + 1;
      out.push_back(id);
    } else if (tag.items.contains(sequence)) {
      out.push_back(id);
    } else {
      tag.items[sequence] = {id, now + hold, bytes};
    }
    return out;
  }
  // By tag, because the order among tags is nobody's business.
  std::map<std::uint16_t, std::vector<std::uint32_t>> on_timeout(Instant now) {
    std::map<std::uint16_t, std::vector<std::uint32_t>> out;
    for (auto& [name, tag] : tags_) {
      std::uint32_t last_due = 0;
      for (const auto& [sequence, item] : tag.items)
        if (item.deadline <= now) last_due = sequence;
      while (!tag.items.empty() && tag.items.begin()->first <= last_due) pass_first(tag, out[name]);
      if (out.contains(name)) drain_expected(tag, out[name]);
    }
    return out;
  }
  std::size_t used() const {
    std::size_t count = 0;
    for (const auto& [name, tag] : tags_) count += tag.items.size();
    return count;
  }
  std::size_t overhead = 0;

 private:
  struct Item {
    std::uint32_t id;
    Instant deadline;
    std::size_t bytes;
  };
  struct Tag {
    std::uint32_t expected = 0;
    std::map<std::uint32_t, Item> items;
  };
  std::size_t bytes_used() const {
    std::size_t bytes = 0;
    for (const auto& [name, tag] : tags_)
      for (const auto& [sequence, item] : tag.items) bytes += item.bytes + overhead;
    return bytes;
  }
  static void pass_first(Tag& tag, std::vector<std::uint32_t>& out) {
    out.push_back(tag.items.begin()->second.id);
    tag.expected = tag.items.begin()->first + 1;
    tag.items.erase(tag.items.begin());
  }
  template <class Wanted>
  static void drain(Tag& tag, std::vector<std::uint32_t>& out, Wanted wanted) {
    while (!tag.items.empty() && wanted(tag.items.begin()->second)) pass_first(tag, out);
  }
  static void drain_expected(Tag& tag, std::vector<std::uint32_t>& out) {
    while (!tag.items.empty() && tag.items.begin()->first == tag.expected) pass_first(tag, out);
  }

  ReorderLimits limits_;
  std::map<std::uint16_t, Tag> tags_;
};

// Flows whose frames come with loss, disorder, doubles and new beginnings.
class SeededRun {
 public:
  explicit SeededRun(std::uint64_t seed)
      : random_(seed),
        limits_{.bytes_max = 2'000 + random_.below(20'000),
                .frames_max = static_cast<std::uint32_t>(2 + random_.below(40))},
        buffer_(memory_, limits_),
        reference_(limits_) {
    memory_.bytes_max = 12'000;
    limits_.bytes_max = std::min(limits_.bytes_max, memory_.bytes_max);
    reference_ = Reference(limits_);
    // What a held frame costs beside its bytes, seen from outside.
    ReorderMemory memory;
    ReorderBuffer probe(memory);
    std::vector<ReorderBuffer::Passed> none;
    probe.add(now_, {0, 5, 0, frame_of(0), kHold}, none);
    reference_.overhead = probe.bytes() - 60;
  }

  void go() {
    for (int step = 0; step < 600; ++step) {
      if (random_.below(4) == 0)
        now_ = now_ + Duration::from_microseconds(static_cast<int>(random_.below(60)));
      if (buffer_.next_timeout() <= now_) time_out();
      arrive();
      ASSERT_LE(buffer_.bytes(), limits_.bytes_max);
      ASSERT_LE(memory_.bytes, memory_.bytes_max);
      ASSERT_EQ(buffer_.frames_held(), reference_.used());
    }
    now_ = now_ + Duration::from_milliseconds(1);
    time_out();
    EXPECT_EQ(buffer_.frames_held(), 0u) << "always progress";
    EXPECT_EQ(passed_, given_) << "each frame exactly once";
    EXPECT_EQ(memory_.bytes, 0u);
  }

 private:
  void arrive() {
    const auto tag = static_cast<std::uint16_t>(random_.below(3));
    std::uint32_t& next = next_[tag];
    if (random_.below(200) == 0) next = 0;
    std::uint32_t sequence = next;
    switch (random_.below(6)) {
      case 0:  // Lost.
        sequence = ++next;
        break;
      case 1:  // Out of order.
        sequence = next + static_cast<std::uint32_t>(random_.below(8));
        break;
      case 2:  // An earlier one, or a double.
        sequence = next - std::min<std::uint32_t>(next, static_cast<std::uint32_t>(random_.below(8)));
        break;
      default:
        ++next;
    }
    const std::uint32_t id = given_++;
    const std::size_t bytes = 60 + random_.below(1500);
    const Duration hold = Duration::from_microseconds(static_cast<int>(20 + random_.below(200)));
    const auto frame = frame_of(id, bytes);
    std::vector<ReorderBuffer::Passed> passed;
    const Verdict verdict = buffer_.add(now_, {tag, sequence, 7, frame, hold}, passed);
    std::vector<std::uint32_t> out;
    if (verdict == Verdict::kPasses) out.push_back(id);
    for (const auto& each : passed) out.push_back(load_be32(each.frame.data()));
    if (verdict == Verdict::kFollows) out.push_back(id);
    buffer_.recycle();
    ASSERT_EQ(out, reference_.add(now_, tag, sequence, id, bytes, hold));
    passed_ += static_cast<std::uint32_t>(out.size());
    for (const std::uint32_t each : out) tag_of_.erase(each);
    if (verdict == Verdict::kHeld) tag_of_[id] = tag;
  }
  void time_out() {
    std::vector<ReorderBuffer::Passed> passed;
    buffer_.on_timeout(now_, passed);
    std::map<std::uint16_t, std::vector<std::uint32_t>> out;
    for (const auto& each : passed) {
      const std::uint32_t id = load_be32(each.frame.data());
      out[tag_of_.at(id)].push_back(id);
    }
    buffer_.recycle();
    ASSERT_EQ(out, reference_.on_timeout(now_));
    passed_ += static_cast<std::uint32_t>(passed.size());
    ASSERT_GT(buffer_.next_timeout(), now_);
  }

  Random random_;
  ReorderMemory memory_;
  ReorderLimits limits_;
  ReorderBuffer buffer_;
  Reference reference_;
  Instant now_{1'000'000};
  std::array<std::uint32_t, 3> next_{};
  std::map<std::uint32_t, std::uint16_t> tag_of_;  // Of those that wait.
  std::uint32_t given_ = 0;
  std::uint32_t passed_ = 0;
};

TEST(ReorderSeeds, hundreds_of_seeds_pass_what_the_slow_one_passes_within_the_bounds) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    SeededRun(seed).go();
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace enid::card
