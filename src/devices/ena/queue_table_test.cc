#include "devices/ena/queue_table.h"

#include <gtest/gtest.h>

#include "devices/ena/scripted_driver.h"

namespace enid::devices::ena {
namespace {

using Completion = ScriptedDriver::CompletionQueueRequest;
using Submission = ScriptedDriver::SubmissionQueueRequest;

TEST(QueueTable, refuses_completion_queues_that_cannot_be) {
  const struct {
    const char* what;
    Completion request;
  } kTable[] = {
      {"no entries", {.depth = 0}},
      {"too few entries", {.depth = 8}},
      {"not a power of two", {.depth = 1000}},
      {"too many entries", {.depth = 2048}},
      {"entries of no size", {.entry_words = 0}},
      {"entries of 12 bytes", {.entry_words = 3}},
      {"entries of 32 bytes", {.entry_words = 8}},
      {"a vector beyond the last", {.vector = 9}},
      {"a vector far beyond the last", {.vector = 0xffff'fffe}},
      {"a vector whose low half is fine", {.vector = 0x0001'0001}},
  };
  ScriptedDriver driver;
  driver.begin();
  driver.data_path.take_calls();
  for (const auto& row : kTable) {
    EXPECT_EQ(driver.execute(ScriptedDriver::create_completion_queue(row.request)).status,
              AdminStatus::kIllegalParameter)
        << row.what;
  }
  EXPECT_TRUE(driver.data_path.take_calls().empty());
}

TEST(QueueTable, polls_where_there_is_no_vector) {
  ScriptedDriver driver;
  driver.begin();
  for (const Completion& request : {Completion{.vector = 77, .by_interrupt = false},
                                    Completion{.vector = 0xffff'ffff}, Completion{.vector = 0xffff}}) {
    EXPECT_EQ(driver.execute(ScriptedDriver::create_completion_queue(request)).status, AdminStatus::kSuccess);
    EXPECT_EQ(driver.data_path.completions.back().vector, kNoVector);
  }
}

TEST(QueueTable, refuses_submission_queues_that_cannot_be) {
  const struct {
    const char* what;
    Submission request;
    AdminStatus status = AdminStatus::kIllegalParameter;
  } kTable[] = {
      {"no direction", {.direction = 0}},
      {"both directions", {.direction = 3}},
      {"no placement", {.placement = 0}},
      {"an unknown placement", {.placement = 2}},
      {"in the device, which has no such memory", {.placement = 3}},
      {"completion on demand", {.policy = 1}},
      {"in pieces", {.contiguous = false}},
      {"a completion queue that is not there", {.completion_queue = 5}},
      {"a completion queue that cannot be there", {.completion_queue = 0xffff}},
      {"no entries", {.depth = 0}},
      {"not a power of two", {.depth = 100}},
      {"too many entries", {.depth = 4096}},
      {"more entries than completions", {.depth = 512}},
      {"the other direction's completions", {.direction = 2}},
      {"completions of another queue", {.completion_queue = 1}, AdminStatus::kBusy},
  };
  ScriptedDriver driver;
  driver.begin();
  driver.execute(ScriptedDriver::create_completion_queue({}));
  driver.execute(ScriptedDriver::create_completion_queue({}));
  driver.execute(ScriptedDriver::create_submission_queue({.completion_queue = 1}));
  driver.data_path.take_calls();
  for (const auto& row : kTable) {
    EXPECT_EQ(driver.execute(ScriptedDriver::create_submission_queue(row.request)).status, row.status)
        << row.what;
  }
  EXPECT_TRUE(driver.data_path.take_calls().empty());
}

TEST(QueueTable, has_as_many_queues_as_it_says_and_gives_freed_ones_again) {
  ScriptedDriver driver({.queue_pairs = 2, .vectors = 3});
  driver.begin();
  for (std::uint16_t i = 0; i < 4; ++i) {
    EXPECT_EQ(driver.execute(ScriptedDriver::create_completion_queue({})).load<std::uint16_t>(0), i);
  }
  EXPECT_EQ(driver.execute(ScriptedDriver::create_completion_queue({})).status, AdminStatus::kNoResources);
  for (std::uint16_t i = 0; i < 2; ++i) {
    const auto answer = driver.execute(ScriptedDriver::create_submission_queue({.completion_queue = i}));
    EXPECT_EQ(answer.load<std::uint16_t>(0), i);
    EXPECT_EQ(answer.load<std::uint32_t>(4), kDoorbellPageOffset + transmit_doorbell(i));
  }
  EXPECT_EQ(driver.execute(ScriptedDriver::create_submission_queue({.completion_queue = 2})).status,
            AdminStatus::kNoResources);
  EXPECT_EQ(driver.execute(ScriptedDriver::destroy_submission_queue(0, 1)).status, AdminStatus::kSuccess);
  EXPECT_EQ(
      driver.execute(ScriptedDriver::create_submission_queue({.completion_queue = 2})).load<std::uint16_t>(0),
      0);
}

TEST(QueueTable, refuses_to_destroy_what_is_used_or_is_not_there) {
  ScriptedDriver driver;
  driver.begin();
  driver.execute(ScriptedDriver::create_completion_queue({}));
  driver.execute(ScriptedDriver::create_submission_queue({}));
  EXPECT_EQ(driver.execute(ScriptedDriver::destroy_completion_queue(0)).status, AdminStatus::kBusy);
  for (const auto index : std::to_array<std::uint16_t>({1, 15, 16, 0xffff})) {
    EXPECT_EQ(driver.execute(ScriptedDriver::destroy_completion_queue(index)).status,
              AdminStatus::kIllegalParameter);
    EXPECT_EQ(driver.execute(ScriptedDriver::destroy_submission_queue(index, 1)).status,
              AdminStatus::kIllegalParameter);
  }
  EXPECT_EQ(driver.execute(ScriptedDriver::destroy_submission_queue(0, 2)).status,
            AdminStatus::kIllegalParameter);
  EXPECT_EQ(driver.execute(ScriptedDriver::destroy_submission_queue(0, 0)).status,
            AdminStatus::kIllegalParameter);
  EXPECT_EQ(driver.execute(ScriptedDriver::destroy_submission_queue(0, 1)).status, AdminStatus::kSuccess);
  EXPECT_EQ(driver.execute(ScriptedDriver::destroy_completion_queue(0)).status, AdminStatus::kSuccess);
}

TEST(QueueTable, puts_transmit_queues_into_the_device_once_the_driver_agreed_to_their_form) {
  ScriptedDriver driver({.low_latency = true});
  driver.begin();
  driver.execute(ScriptedDriver::create_completion_queue({.depth = 1024}));
  driver.execute(ScriptedDriver::create_completion_queue({.depth = 1024}));
  const Submission request{.placement = 3, .completion_queue = 1, .depth = 1024};
  EXPECT_EQ(driver.execute(ScriptedDriver::create_submission_queue(request)).status,
            AdminStatus::kIllegalParameter)
      << "the form is not agreed";
  ASSERT_EQ(driver.set_feature(4, {0, 0, 1u << 16, 1u << 16, 2u << 16, 2u << 16}).status,
            AdminStatus::kSuccess);
  driver.execute(ScriptedDriver::create_submission_queue({.depth = 1024}));
  const auto answer = driver.execute(ScriptedDriver::create_submission_queue(request));
  EXPECT_EQ(answer.status, AdminStatus::kSuccess);
  EXPECT_EQ(answer.load<std::uint16_t>(0), 1);
  EXPECT_EQ(answer.load<std::uint32_t>(8), kLowLatencyQueueBytes);
  EXPECT_EQ(driver.data_path.submissions.back().placement, Placement::kLowLatency);
  driver.execute(ScriptedDriver::create_completion_queue({.entry_words = 4}));
  EXPECT_EQ(driver
                .execute(ScriptedDriver::create_submission_queue(
                    {.direction = 2, .placement = 3, .completion_queue = 2}))
                .status,
            AdminStatus::kIllegalParameter)
      << "receive queues are in the host";
}

}  // namespace
}  // namespace enid::devices::ena
