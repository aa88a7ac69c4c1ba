#include "pci/interrupt_table.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "pci/testing/memory_descriptors.h"
#include "pci/testing/toy_device.h"

namespace enid::pci {
namespace {

constexpr std::uint32_t kAssign = InterruptRequest::kDataEvent | InterruptRequest::kActionTrigger;
constexpr std::uint32_t kDrop = InterruptRequest::kDataNone | InterruptRequest::kActionTrigger;
constexpr std::uint32_t kMsix = 2;

struct Lab {
  // Returns the error number, 0: granted.
  int set(std::uint32_t flags, std::uint32_t index, std::uint32_t start, std::uint32_t count,
          std::uint32_t events = 0) {
    std::vector<std::unique_ptr<Descriptor>> made;
    for (std::uint32_t i = 0; i < events; ++i) made.push_back(testing::open(last = testing::make_event()));
    const Result<void> result = table.set({flags, index, start, count}, std::move(made));
    return result ? 0 : result.error().code.value();
  }

  testing::MemoryDescriptorUser descriptors;
  testing::ToyDevice device{descriptors};
  InterruptTable table{device, descriptors};
  std::shared_ptr<testing::MemoryFile> last;
};

TEST(InterruptTable, assigns_several_vectors_and_replaces_one) {
  Lab lab;
  EXPECT_EQ(lab.set(kAssign, kMsix, 0, 3, 3), 0);
  const auto third = lab.last;
  lab.device.raise(2);
  EXPECT_EQ(third->raised, 1u);
  EXPECT_EQ(lab.set(kAssign, kMsix, 2, 1, 1), 0);
  lab.device.raise(2);
  EXPECT_EQ(third->raised, 1u);
  EXPECT_EQ(third.use_count(), 1) << "the replaced descriptor is closed";
  EXPECT_EQ(lab.last->raised, 1u);
}

TEST(InterruptTable, an_event_without_descriptor_clears_its_slot) {
  Lab lab;
  lab.set(kAssign, kMsix, 0, 2, 2);
  EXPECT_EQ(lab.set(kAssign, kMsix, 0, 1), 0);
  EXPECT_EQ(lab.device.interrupts[0], nullptr);
  EXPECT_NE(lab.device.interrupts[1], nullptr);
}

TEST(InterruptTable, no_data_and_no_count_drops_all) {
  Lab lab;
  lab.set(kAssign, kMsix, 0, 9, 9);
  EXPECT_EQ(lab.set(kDrop, kMsix, 0, 0), 0);
  for (const auto& interrupt : lab.device.interrupts) EXPECT_EQ(interrupt, nullptr);
}

TEST(InterruptTable, tells_the_device_only_of_what_changes) {
  Lab lab;
  EXPECT_EQ(lab.set(kDrop, kMsix, 0, 0), 0);
  EXPECT_EQ(lab.set(kAssign, kMsix, 0, 1), 0);
  EXPECT_EQ(lab.device.interrupt_changes, 0);
  lab.set(kAssign, kMsix, 4, 1, 1);
  lab.set(kDrop, kMsix, 0, 0);
  EXPECT_EQ(lab.device.interrupt_changes, 2);
}

TEST(InterruptTable, a_notification_without_receiver_comes_with_the_next_one) {
  Lab lab;
  lab.device.raise(3);
  lab.set(kAssign, kMsix, 3, 1, 1);
  EXPECT_EQ(lab.last->raised, 1u);
}

TEST(InterruptTable, errors_and_requests_can_be_set_up_though_they_never_happen) {
  Lab lab;
  EXPECT_EQ(lab.set(kAssign, 3, 0, 1, 1), 0);
  EXPECT_EQ(lab.set(kDrop, 4, 0, 0), 0);
  EXPECT_EQ(lab.device.interrupt_changes, 0);
}

TEST(InterruptTable, refuses_what_is_not_there_or_makes_no_sense) {
  Lab lab;
  EXPECT_EQ(lab.set(kAssign, 5, 0, 1, 1), EINVAL);
  EXPECT_EQ(lab.set(kAssign, 0, 0, 1, 1), EINVAL) << "no INTx";
  EXPECT_EQ(lab.set(kAssign, kMsix, 9, 1, 1), EINVAL);
  EXPECT_EQ(lab.set(kAssign, kMsix, 1, 0xffff'ffff), EINVAL);
  EXPECT_EQ(lab.set(kAssign, kMsix, 0xffff'ffff, 2, 2), EINVAL);
  EXPECT_EQ(lab.set(kAssign, kMsix, 0, 3, 2), EINVAL);
  EXPECT_EQ(lab.set(kDrop, kMsix, 0, 1), EINVAL);
  EXPECT_EQ(lab.set(kDrop, kMsix, 0, 0, 1), EINVAL);
  for (const std::uint32_t flags : {0u, 0x22u, 0x0cu, 0x11u, 0x27u, 0xffff'ffffu})
    EXPECT_EQ(lab.set(flags, kMsix, 0, 1, 1), EINVAL) << flags;
  EXPECT_EQ(lab.device.interrupt_changes, 0);
}

TEST(InterruptTable, one_descriptor_that_is_no_event_refuses_all) {
  Lab lab;
  std::vector<std::unique_ptr<Descriptor>> events;
  events.push_back(testing::open(testing::make_event()));
  events.push_back(testing::open(std::make_shared<testing::MemoryFile>(10)));
  EXPECT_FALSE(lab.table.set({kAssign, kMsix, 0, 2}, std::move(events)));
  EXPECT_EQ(lab.device.interrupt_changes, 0);
}

}  // namespace
}  // namespace enid::pci
