#include "devices/ena/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "devices/ena/scripted_driver.h"

namespace enid::devices::ena {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Instant second(std::int64_t n) { return Instant{} + Duration::from_seconds(n); }

std::uint16_t group_of(EventGroup group) { return static_cast<std::uint16_t>(group); }

TEST(Controller, is_amazons_virtual_function_with_readless_registers) {
  ScriptedDriver driver;
  const pci::PciDescription& description = driver.device.description();
  EXPECT_EQ(description.vendor, 0x1d0f);
  EXPECT_EQ(description.device, 0xec20);
  EXPECT_EQ(description.class_code, 0x020000u);
  EXPECT_EQ(description.revision & 1, 0);
  ASSERT_EQ(description.bars.size(), 1u);
  EXPECT_EQ(description.bars[0].mapped[0].offset, kDoorbellPageOffset);

  ScriptedDriver fast({.low_latency = true});
  ASSERT_EQ(fast.device.description().bars.size(), 2u);
  EXPECT_EQ(fast.device.description().bars[1].index, 2);
  EXPECT_EQ(fast.device.description().bars[1].mapped[0].size, kLowLatencyBarBytes);
}

TEST(Controller, answers_registers_directly_and_by_request_alike) {
  ScriptedDriver driver;
  driver.give_read_response();
  for (const auto which : {Register::kVersion, Register::kControllerVersion, Register::kCapabilities,
                           Register::kCapabilitiesExtension, Register::kDeviceStatus}) {
    EXPECT_EQ(driver.read_by_request(which), driver.read(which));
  }
  EXPECT_EQ(driver.read(Register::kVersion), 0x000au);
  const std::uint32_t capabilities = driver.read(Register::kCapabilities);
  EXPECT_NE(capabilities >> 1 & 0x1f, 0u) << "drivers refuse a reset without a time limit";
  EXPECT_EQ(capabilities >> 8 & 0xff, 48u);
  EXPECT_EQ(capabilities >> 16 & 0xf, 0u) << "the driver's own time limit for commands";
}

TEST(Controller, reads_parts_of_registers_and_writes_none) {
  ScriptedDriver driver;
  EXPECT_EQ(driver.device.read(0, 0x09, 1), 48u);
  EXPECT_EQ(driver.device.read(0, 0x06, 2), 0x0100u);
  EXPECT_EQ(driver.device.read(0, 0x00, 8), std::uint64_t{0x01000001} << 32 | 0x000a);
  driver.device.write(0, 0x54, 1, 1);
  driver.device.write(0, 0x55, 4, 1);
  EXPECT_EQ(driver.read(Register::kDeviceStatus), kDeviceStatusReady);
}

TEST(Controller, ignores_a_request_whose_answer_has_no_place) {
  ScriptedDriver driver;
  driver.read_response = ScriptedDriver::kMemoryAddress;
  EXPECT_FALSE(driver.read_by_request(Register::kVersion)) << "the driver has given no address";
  driver.write(Register::kReadResponseLow, 0x1001);
  driver.write(Register::kReadResponseHigh, 0xffff'ffff);
  EXPECT_FALSE(driver.read_by_request(Register::kVersion));
  driver.write(Register::kReadResponseLow, static_cast<std::uint32_t>(driver.read_response) + 1);
  driver.write(Register::kReadResponseHigh, 0);
  EXPECT_FALSE(driver.read_by_request(Register::kVersion)) << "not aligned";
}

TEST(Controller, follows_the_handshake_of_a_reset_and_remembers_its_reason) {
  ScriptedDriver driver;
  EXPECT_EQ(driver.device.last_reset_reason(), std::nullopt);
  EXPECT_TRUE(driver.reset(11));
  EXPECT_EQ(driver.device.last_reset_reason(), 11u);
  EXPECT_EQ(reset_reason_name(11), "shutdown");
  EXPECT_TRUE(driver.reset(0x13));
  EXPECT_EQ(driver.device.last_reset_reason(), 0x13u);
  EXPECT_EQ(reset_reason_name(0x13), "unknown");
  EXPECT_EQ(driver.device.resets(), 2u);
  EXPECT_THAT(driver.data_path.take_calls(), ElementsAre("reset", "reset"));
}

TEST(Controller, serves_the_commands_of_a_linux_probe_and_ifup) {
  ScriptedDriver driver({.mac = {{2, 0, 0, 0, 0, 7}}, .queue_pairs = 2, .vectors = 3});
  const auto status = [](const ScriptedAnswer& answer) { return answer.status; };
  ASSERT_TRUE(driver.reset());
  driver.write(Register::kInterruptMask, 1);
  driver.give_admin_queue();
  driver.give_event_queue();
  EXPECT_EQ(status(driver.set_host()), AdminStatus::kSuccess);
  const ScriptedAnswer attributes = driver.get_feature(1);
  EXPECT_EQ(attributes.load<std::uint32_t>(8) & (1u << 7 | 1u << 12 | 1u << 26),
            1u << 7 | 1u << 12 | 1u << 26);
  EXPECT_EQ(attributes.bytes[29], 7);
  EXPECT_EQ(attributes.load<std::uint32_t>(32), 9216u);
  const ScriptedAnswer queues = driver.get_feature(7, {}, 1);
  EXPECT_EQ(queues.bytes[0], 1);
  EXPECT_EQ(queues.load<std::uint32_t>(4), 2u);
  EXPECT_EQ(queues.load<std::uint32_t>(20), 1024u);
  EXPECT_EQ(driver.get_feature(26).load<std::uint32_t>(0) & 0x1f, 0x1fu);
  EXPECT_EQ(driver.get_feature(11).load<std::uint32_t>(0), 0xffu);
  EXPECT_EQ(status(driver.get_feature(3)), AdminStatus::kSuccess);
  EXPECT_EQ(status(driver.set_feature(26, {0, 0x1f})), AdminStatus::kSuccess);
  EXPECT_EQ(driver.get_feature(20).load<std::uint16_t>(0), 1);
  EXPECT_EQ(driver.interrupt->raised, 0) << "the driver polls until its vectors are set up";
  driver.write(Register::kInterruptMask, 0);
  EXPECT_EQ(driver.interrupt->raised, 1);
  driver.enable_events();
  const auto link = driver.take_events();
  ASSERT_EQ(link.size(), 1u);
  EXPECT_EQ(link[0].group, group_of(EventGroup::kLinkChange));
  EXPECT_EQ(link[0].data[0], 1);
  EXPECT_EQ(driver.interrupt->raised, 2);

  driver.data_path.take_calls();
  for (const std::uint8_t direction : {std::uint8_t{1}, std::uint8_t{2}}) {
    for (const std::uint32_t pair : {0, 1}) {
      const auto words = static_cast<std::uint8_t>(2 * direction);
      const ScriptedAnswer completions = driver.execute(
          ScriptedDriver::create_completion_queue({.entry_words = words, .depth = 1024, .vector = 1 + pair}));
      ASSERT_EQ(completions.status, AdminStatus::kSuccess);
      EXPECT_EQ(completions.load<std::uint32_t>(12),
                kDoorbellPageOffset + unmask_word(static_cast<std::uint16_t>(1 + pair)));
      const ScriptedAnswer queue = driver.execute(ScriptedDriver::create_submission_queue(
          {.direction = direction, .completion_queue = completions.load<std::uint16_t>(0), .depth = 1024}));
      ASSERT_EQ(queue.status, AdminStatus::kSuccess);
      EXPECT_EQ(queue.load<std::uint16_t>(0), pair);
    }
  }
  EXPECT_THAT(driver.data_path.take_calls(),
              ElementsAre("create completion queue 0 depth 1024 entry 8 vector 1",
                          "create transmit queue 0 depth 1024 completes to 0",
                          "create completion queue 1 depth 1024 entry 8 vector 2",
                          "create transmit queue 1 depth 1024 completes to 1",
                          "create completion queue 2 depth 1024 entry 16 vector 1",
                          "create receive queue 0 depth 1024 completes to 2",
                          "create completion queue 3 depth 1024 entry 16 vector 2",
                          "create receive queue 1 depth 1024 completes to 3"));
  EXPECT_EQ(driver.data_path.submissions[0].address, ScriptedDriver::SubmissionQueueRequest().address);
  EXPECT_EQ(status(driver.set_feature(14, {9001})), AdminStatus::kSuccess);
  EXPECT_EQ(driver.data_path.mtu, 9001u);
  EXPECT_EQ(driver.get_feature(27).load<std::uint32_t>(0), 10'000u);
  ASSERT_TRUE(driver.device.host());
  EXPECT_EQ(driver.device.host()->text(), "Linux 6.12.107, driver 2.1.0, 4 processors");

  EXPECT_EQ(status(driver.execute(ScriptedDriver::destroy_submission_queue(0, 1))), AdminStatus::kSuccess);
  EXPECT_EQ(status(driver.execute(ScriptedDriver::destroy_completion_queue(0))), AdminStatus::kSuccess);
  EXPECT_THAT(driver.data_path.take_calls(),
              ElementsAre("destroy transmit queue 0", "destroy completion queue 0"));
  EXPECT_TRUE(driver.reset(11));
  EXPECT_EQ(driver.device.queues().completion_queues(), 0u);
}

TEST(Controller, serves_ipxe_with_queues_of_two_entries_and_nothing_but_polling) {
  ScriptedDriver driver;
  driver.write(Register::kDeviceControl, 1);
  EXPECT_EQ(driver.read(Register::kDeviceStatus), kDeviceStatusReady | kDeviceStatusResetInProgress);
  driver.write(Register::kDeviceControl, 0);
  EXPECT_EQ(driver.read(Register::kDeviceStatus), kDeviceStatusReady);
  driver.give_admin_queue(2);
  driver.give_event_queue(2);
  EXPECT_EQ(driver.get_feature(1).status, AdminStatus::kSuccess);
  EXPECT_EQ(driver.set_feature(26, {0, 0}).status, AdminStatus::kSuccess);
  driver.enable_events();
  EXPECT_EQ(driver.set_host().status, AdminStatus::kSuccess);
  const auto transmit = driver.execute(ScriptedDriver::create_completion_queue(
      {.entry_words = 2, .depth = 16, .vector = 0xffff'ffff, .by_interrupt = false}));
  ASSERT_EQ(transmit.status, AdminStatus::kSuccess);
  EXPECT_EQ(transmit.load<std::uint32_t>(12), kDoorbellPageOffset + kUnusedUnmaskWord);
  EXPECT_EQ(driver
                .execute(ScriptedDriver::create_submission_queue(
                    {.completion_queue = transmit.load<std::uint16_t>(0), .depth = 16}))
                .status,
            AdminStatus::kSuccess);
  EXPECT_EQ(driver.data_path.completions[0].vector, kNoVector);
  for (std::int64_t i = 1; i < 8; ++i) driver.device.on_timeout(second(i));
  EXPECT_THAT(driver.take_events(), IsEmpty()) << "of groups it did not enable";
}

TEST(Controller, refuses_opcodes_it_does_not_know) {
  ScriptedDriver driver;
  driver.begin();
  for (const int opcode : {0, 5, 10, 12, 255}) {
    const auto answer = driver.execute(ScriptedDriver::command(static_cast<AdminOpcode>(opcode)));
    EXPECT_EQ(answer.status, AdminStatus::kUnsupported) << opcode;
  }
  EXPECT_EQ(driver.device.admin_queue().refused(), 5u);
}

TEST(Controller, carries_out_commands_over_many_laps_of_the_ring) {
  ScriptedDriver driver;
  driver.reset();
  driver.give_admin_queue(4);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(driver.get_feature(27).status, AdminStatus::kSuccess) << i;
}

TEST(Controller, believes_no_admin_doorbell_beyond_the_ring) {
  ScriptedDriver driver;
  driver.begin();
  const auto before = driver.device.admin_queue().carried_out();
  driver.write(Register::kAdminQueueDoorbell, 1000);
  EXPECT_EQ(driver.device.admin_queue().carried_out(), before);
}

TEST(Controller, does_nothing_with_rings_that_are_none) {
  for (const std::uint32_t capabilities : {0u, 64u << 16, 64u << 16 | 3, 32u << 16 | 32, 64u << 16 | 8192}) {
    ScriptedDriver driver;
    driver.begin();
    driver.write(Register::kAdminQueueCapabilities, capabilities);
    driver.write(Register::kEventQueueCapabilities, capabilities);
    EXPECT_EQ(driver.get_feature(1).status, AdminStatus::kUnknownError) << capabilities;
    driver.enable_events();
    driver.device.set_link(false);
    driver.device.on_timeout(second(1));
  }
}

TEST(Controller, survives_rings_outside_the_guests_memory) {
  ScriptedDriver driver;
  driver.begin();
  driver.write(Register::kAdminCompletionBaseHigh, 0xffff);
  driver.write(Register::kEventQueueBaseLow, 0xffff'ffc0);
  driver.write(Register::kEventQueueBaseHigh, 0xffff'ffff);
  driver.get_feature(1);
  driver.write(Register::kAdminQueueBaseHigh, 0xffff);
  driver.get_feature(1);
  driver.device.set_link(false);
  driver.device.set_memory(nullptr);
  driver.get_feature(1);
  driver.device.on_timeout(second(1));
}

TEST(Controller, keeps_the_driver_sure_that_it_lives) {
  ScriptedDriver driver;
  EXPECT_EQ(driver.device.next_timeout(), Instant::never());
  driver.device.on_timeout(second(5));
  driver.begin();
  driver.take_events();
  EXPECT_EQ(driver.device.next_timeout(), second(5)) << "at once";
  driver.data_path.counts.receive_drops = 7;
  driver.data_path.counts.transmit_drops = 8;
  driver.data_path.counts.receive_overruns = 9;
  driver.device.on_timeout(second(6));
  const auto events = driver.take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].group, group_of(EventGroup::kKeepAlive));
  EXPECT_EQ(events[0].data[0], 7);
  EXPECT_EQ(events[0].data[8], 8);
  EXPECT_EQ(events[0].data[16], 9);
  EXPECT_EQ(driver.device.next_timeout(), second(7));
  driver.device.on_timeout(second(6) + Duration::from_milliseconds(500));
  EXPECT_THAT(driver.take_events(), IsEmpty());
  for (std::int64_t i = 7; i < 100; ++i) {
    driver.device.on_timeout(second(i));
    ASSERT_EQ(driver.take_events().size(), 1u) << i;
  }
}

TEST(Controller, sends_no_more_events_than_the_driver_has_room_for) {
  ScriptedDriver driver;
  driver.begin();
  for (std::int64_t i = 1; i < 100; ++i) driver.device.on_timeout(second(i));
  driver.device.set_link(false);
  driver.device.set_link(true);
  driver.device.set_link(false);
  EXPECT_EQ(driver.take_events(false).size(), 16u) << "the link and 15 signs of life";
  driver.write(Register::kEventQueueHeadDoorbell, 16 + 16);
  const auto events = driver.take_events();
  ASSERT_EQ(events.size(), 1u) << "the link's last state has waited";
  EXPECT_EQ(events[0].group, group_of(EventGroup::kLinkChange));
  EXPECT_EQ(events[0].data[0], 0);
}

TEST(Controller, believes_no_event_head_that_was_never_reached) {
  ScriptedDriver driver;
  driver.begin();
  driver.write(Register::kEventQueueHeadDoorbell, 5000);
  for (std::int64_t i = 1; i < 100; ++i) driver.device.on_timeout(second(i));
  EXPECT_EQ(driver.take_events(false).size(), 16u);
}

TEST(Controller, tells_of_the_link_and_its_data_path_too) {
  ScriptedDriver driver;
  EXPECT_TRUE(driver.data_path.is_link_up);
  driver.device.set_link(false);
  EXPECT_FALSE(driver.data_path.is_link_up);
  driver.begin();
  auto events = driver.take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].data[0], 0);
  driver.device.set_link(true);
  driver.device.set_link(true);
  events = driver.take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].data[0], 1);
}

TEST(Controller, tells_of_the_link_when_a_driver_chooses_its_events_last) {
  ScriptedDriver driver;
  driver.begin(0);
  EXPECT_THAT(driver.take_events(), IsEmpty());
  driver.set_feature(26, {0, 1u << group_of(EventGroup::kLinkChange)});
  const auto events = driver.take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].group, group_of(EventGroup::kLinkChange));
  EXPECT_EQ(events[0].data[0], 1);
  driver.set_feature(26, {0, 1u << group_of(EventGroup::kLinkChange)});
  EXPECT_THAT(driver.take_events(), IsEmpty()) << "no news";
}

TEST(Controller, asks_for_a_reset_and_falls_silent_when_the_guest_broke_its_rings) {
  ScriptedDriver driver;
  driver.begin(0xdf & EventQueue::kSupportedGroups);
  driver.take_events();
  driver.data_path.counts.is_broken = true;
  for (std::int64_t i = 1; i < 10; ++i) driver.device.on_timeout(second(i));
  const auto events = driver.take_events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].group, group_of(EventGroup::kFatalError));
  EXPECT_EQ(events[1].group, group_of(EventGroup::kResetRequest));
  EXPECT_TRUE(driver.device.is_broken());
  EXPECT_NE(driver.read(Register::kDeviceStatus) & kDeviceStatusFatalError, 0u);

  EXPECT_TRUE(driver.reset(1));
  EXPECT_FALSE(driver.device.is_broken());
  driver.begin();
  driver.take_events();
  driver.device.on_timeout(second(20));
  EXPECT_EQ(driver.take_events().size(), 1u) << "alive again";
}

TEST(Controller, owes_an_interrupt_while_nobody_receives_it) {
  ScriptedDriver driver;
  driver.begin(0);
  driver.device.set_interrupt(0, nullptr);
  const int before = driver.interrupt->raised;
  driver.get_feature(1);
  driver.get_feature(1);
  EXPECT_EQ(driver.interrupt->raised, before);
  driver.device.set_interrupt(0, driver.interrupt);
  EXPECT_EQ(driver.interrupt->raised, before + 1);
  driver.device.set_interrupt(0, driver.interrupt);
  EXPECT_EQ(driver.interrupt->raised, before + 1);
}

TEST(Controller, hands_on_interrupts_of_its_own_vectors_only) {
  ScriptedDriver driver({.queue_pairs = 1, .vectors = 2});
  driver.device.set_interrupt(1, driver.interrupt);
  driver.device.set_interrupt(2, driver.interrupt);
  driver.device.set_interrupt(0xffff, driver.interrupt);
  EXPECT_EQ(driver.data_path.interrupts[1], driver.interrupt);
  EXPECT_EQ(driver.data_path.interrupts[2], nullptr);
}

TEST(Controller, forgets_the_driver_in_a_reset_in_the_middle_of_everything) {
  ScriptedDriver driver({.low_latency = true});
  driver.begin();
  driver.set_host();
  driver.set_feature(14, {1500});
  driver.set_feature(4, {0, 0, 1u << 16, 1u << 16, 2u << 16, 2u << 16});
  driver.execute(ScriptedDriver::create_completion_queue({}));
  driver.execute(ScriptedDriver::create_submission_queue({}));
  driver.device.write(0, kDoorbellPageOffset + transmit_doorbell(0), 4, 77);
  driver.write(Register::kDeviceControl, 1);

  EXPECT_EQ(driver.device.queues().completion_queues(), 0u);
  EXPECT_EQ(driver.device.queues().submission_queues(Direction::kTransmit), 0u);
  EXPECT_EQ(driver.data_path.mtu, 9001u);
  EXPECT_FALSE(driver.device.features().is_low_latency_enabled());
  EXPECT_EQ(driver.device.next_timeout(), Instant::never());
  EXPECT_EQ(driver.device.read(0, kDoorbellPageOffset + transmit_doorbell(0), 4), 0u);
  EXPECT_TRUE(driver.device.host()) << "for logs";
  EXPECT_EQ(driver.get_feature(1).status, AdminStatus::kUnknownError) << "in reset it listens to nothing";
  driver.write(Register::kDeviceControl, 0);
  EXPECT_EQ(driver.get_feature(1).status, AdminStatus::kUnknownError) << "the rings are forgotten";
  driver.begin();
  EXPECT_EQ(driver.get_feature(1).status, AdminStatus::kSuccess);
}

TEST(Controller, tells_its_listener_of_the_drivers_life_without_saying_a_thing_twice) {
  ScriptedDriver driver;
  std::vector<std::string>& heard = driver.listener.heard;
  driver.begin();
  driver.set_host("6.12");
  driver.set_host("6.12");  // Linux: again, with a place for its own notes.
  EXPECT_THAT(heard, ElementsAre("reset normal", "host Linux 6.12, driver 2.1.0, 4 processors"));
  heard.clear();
  driver.data_path.counts.is_broken = true;
  driver.data_path.counts.broken_because = "a ring was overrun";
  driver.device.on_timeout(Instant{5'000'000'000});
  driver.device.on_timeout(Instant{7'000'000'000});
  driver.reset(1);
  driver.give_admin_queue();
  driver.set_host("6.12");
  EXPECT_THAT(heard, ElementsAre("broken a ring was overrun", "reset keep-alive timeout"));
  EXPECT_EQ(driver.device.times_broken(), 1u);
  EXPECT_EQ(driver.device.resets(), 2u);
}

TEST(Controller, is_as_new_after_a_reset_of_the_machine) {
  ScriptedDriver driver({.low_latency = true});
  driver.begin();
  driver.execute(ScriptedDriver::create_completion_queue({}));
  driver.device.write(2, 64, 8, 0x1234);
  driver.write(Register::kDeviceControl, 1);
  driver.device.reset();
  EXPECT_EQ(driver.device.read(2, 64, 8), 0u);
  EXPECT_EQ(driver.read(Register::kDeviceStatus), kDeviceStatusReady);
  EXPECT_EQ(driver.device.queues().completion_queues(), 0u);
}

TEST(Controller, tells_a_data_path_that_begins_anew_all_there_is) {
  ScriptedDriver driver;
  driver.begin();
  driver.set_feature(14, {1500});
  driver.execute(ScriptedDriver::create_completion_queue({}));
  driver.execute(ScriptedDriver::create_submission_queue({}));
  driver.execute(ScriptedDriver::create_completion_queue({.entry_words = 4}));
  driver.execute(ScriptedDriver::create_submission_queue({.direction = 2, .completion_queue = 1}));
  driver.data_path = FakeDataPath();
  driver.device.resume_data_path();
  EXPECT_THAT(driver.data_path.take_calls(),
              ElementsAre("create completion queue 0 depth 256 entry 8 vector 1 resumes",
                          "create completion queue 1 depth 256 entry 16 vector 1 resumes",
                          "create transmit queue 0 depth 256 completes to 0 resumes",
                          "create receive queue 0 depth 256 completes to 1 resumes"));
  EXPECT_EQ(driver.data_path.mtu, 1500u);
  EXPECT_TRUE(driver.data_path.is_link_up);
  EXPECT_NE(driver.data_path.memory, nullptr);
  EXPECT_EQ(driver.data_path.interrupts[0], driver.interrupt);
}

TEST(Controller, serves_trapped_accesses_to_what_is_usually_mapped) {
  ScriptedDriver driver({.low_latency = true});
  driver.device.write(0, kDoorbellPageOffset + receive_doorbell(3), 4, 0x1234);
  EXPECT_EQ(pci::load_little_endian<std::uint32_t>(driver.device_memory.doorbell_page().data() +
                                                   receive_doorbell(3)),
            0x1234u);
  driver.device.write(2, kLowLatencyBarBytes - 8, 8, 0x1122334455667788);
  EXPECT_EQ(driver.device.read(2, kLowLatencyBarBytes - 8, 8), 0x1122334455667788u);
  driver.device.write(2, kLowLatencyBarBytes - 4, 8, ~std::uint64_t{0});
  driver.device.write(0, ~std::uint64_t{0}, 4, 1);
  EXPECT_EQ(driver.device.read(0, kRegisterBarBytes - 4, 4), 0u);
  EXPECT_EQ(driver.device.read(1, 0, 4), 0u);
}

}  // namespace
}  // namespace enid::devices::ena
