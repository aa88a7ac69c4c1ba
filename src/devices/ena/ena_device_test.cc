// Both halves of the device together, from the reset to the first packets.
#include <gtest/gtest.h>

#include "devices/ena/ena_port.h"
#include "devices/ena/rings.h"
#include "devices/ena/scripted_driver.h"

namespace enid::devices::ena {
namespace {

constexpr std::uint16_t kDepth = 16;

class EnaDeviceTest : public ::testing::Test {
 protected:
  EnaDeviceTest() {
    driver.device.set_interrupt(1, interrupt);
    driver.begin();
    transmit_ring = driver.allocate(4096);
    transmit_completions = driver.allocate(4096);
    receive_ring = driver.allocate(4096);
    receive_completions = driver.allocate(4096);
    buffer = driver.allocate(4096);
    for (std::size_t i = 0; i < 64; ++i) packet[i] = static_cast<std::uint8_t>(i);
    packet[12] = 0x88;  // No protocol that anyone looks into.
    packet[13] = 0xb5;
  }
  void make_queues() {
    ASSERT_EQ(driver
                  .execute(ScriptedDriver::create_completion_queue(
                      {.entry_words = 2, .depth = kDepth, .address = transmit_completions}))
                  .status,
              AdminStatus::kSuccess);
    ASSERT_EQ(
        driver.execute(ScriptedDriver::create_submission_queue({.depth = kDepth, .address = transmit_ring}))
            .status,
        AdminStatus::kSuccess);
    ASSERT_EQ(driver
                  .execute(ScriptedDriver::create_completion_queue(
                      {.entry_words = 4, .depth = kDepth, .address = receive_completions}))
                  .status,
              AdminStatus::kSuccess);
    ASSERT_EQ(driver
                  .execute(ScriptedDriver::create_submission_queue(
                      {.direction = 2, .completion_queue = 1, .depth = kDepth, .address = receive_ring}))
                  .status,
              AdminStatus::kSuccess);
  }
  void ring(std::uint32_t doorbell, std::uint32_t value) {
    driver.device.write(0, kDoorbellPageOffset + doorbell, 4, value);
  }
  void send() {
    std::ranges::copy(packet, driver.at(buffer));
    const TransmitDescriptor descriptor{
        .length_control = static_cast<std::uint32_t>(packet.size()) | 1u << 24 | 7u << 26,
        .meta_control = 5u << 22,
        .address_low = static_cast<std::uint32_t>(buffer)};
    std::memcpy(driver.at(transmit_ring), &descriptor, sizeof descriptor);
    ring(transmit_doorbell(0), 1);
  }
  std::size_t poll() {
    port.on_time(Instant{});
    return port.receive(frames);
  }

  ScriptedDescriptors descriptors;
  ControllerOptions options{.queue_pairs = 2, .vectors = 3};
  DeviceMemory memory = *DeviceMemory::create(descriptors, options);
  std::vector<QueueState> states = std::vector<QueueState>(kQueueStates);
  EnaPort port{memory.doorbell_page(), memory.low_latency_bar(), states, {.queue_pairs = 2}};
  ScriptedDriver driver{options, memory, port};
  std::shared_ptr<ScriptedInterrupt> interrupt = std::make_shared<ScriptedInterrupt>();
  std::uint64_t transmit_ring = 0, transmit_completions = 0, receive_ring = 0, receive_completions = 0;
  std::uint64_t buffer = 0;
  std::array<std::uint8_t, 64> packet{};
  std::array<card::Frame, 8> frames;
};

TEST_F(EnaDeviceTest, sends_a_packet_and_tells_the_driver) {
  make_queues();
  ring(unmask_word(1), 1u << 30);
  send();
  ASSERT_EQ(poll(), 1u);
  EXPECT_TRUE(std::ranges::equal(frames[0].bytes, packet));
  const std::uint8_t* const completion = driver.at(transmit_completions);
  EXPECT_EQ(pci::load_little_endian<std::uint16_t>(completion), 5);
  EXPECT_EQ(completion[3] & 1, 1);
  EXPECT_EQ(interrupt->raised, 1);
}

TEST_F(EnaDeviceTest, brings_a_frame_into_a_posted_buffer) {
  make_queues();
  std::uint8_t* const descriptor = driver.at(receive_ring);
  pci::store_little_endian<std::uint16_t>(descriptor, 2048);
  descriptor[3] = 0x1d;
  pci::store_little_endian<std::uint16_t>(descriptor + 4, 3);
  pci::store_little_endian(descriptor + 8, static_cast<std::uint32_t>(buffer));
  ring(receive_doorbell(0), 1);
  port.on_time(Instant{});
  const card::Frame frame{.bytes = packet, .offload = {}};
  EXPECT_EQ(port.transmit({&frame, 1}), 1u);
  const std::uint8_t* const completion = driver.at(receive_completions);
  EXPECT_EQ(pci::load_little_endian<std::uint32_t>(completion) >> 24 & 1, 1u);
  EXPECT_EQ(pci::load_little_endian<std::uint16_t>(completion + 4), packet.size());
  EXPECT_EQ(pci::load_little_endian<std::uint16_t>(completion + 6), 3);
  EXPECT_TRUE(std::equal(packet.begin(), packet.end(), driver.at(buffer)));
}

TEST_F(EnaDeviceTest, carries_nothing_without_queues_after_a_reset_or_with_the_link_down) {
  send();
  EXPECT_EQ(poll(), 0u) << "no queue";
  ring(transmit_doorbell(0), 0);
  make_queues();
  send();
  EXPECT_TRUE(driver.reset());
  EXPECT_EQ(poll(), 0u) << "reset";
  driver.begin();
  make_queues();
  driver.device.set_link(false);
  send();
  EXPECT_EQ(poll(), 0u) << "link down";
}

TEST_F(EnaDeviceTest, asks_for_a_reset_when_a_doorbell_makes_no_sense_and_works_again_after_it) {
  make_queues();
  driver.take_events();
  ring(transmit_doorbell(0), 5000);
  EXPECT_EQ(poll(), 0u);
  driver.device.on_timeout(Instant{} + Duration::from_seconds(1));
  EXPECT_TRUE(driver.device.is_broken());
  const auto events = driver.take_events();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events[0].group, static_cast<std::uint16_t>(EventGroup::kFatalError));
  driver.begin();
  EXPECT_FALSE(driver.device.is_broken());
  make_queues();
  send();
  EXPECT_EQ(poll(), 1u);
}

}  // namespace
}  // namespace enid::devices::ena
