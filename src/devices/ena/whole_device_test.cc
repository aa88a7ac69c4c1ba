// Both halves of a device together: what the controller answers is where the port looks.

#include <gtest/gtest.h>

#include "devices/ena/ena_port.h"
#include "devices/ena/scripted_driver.h"

namespace enid::devices::ena {
namespace {

constexpr std::uint64_t kAddress = ScriptedDriver::kMemoryAddress;
constexpr std::uint16_t kDepth = 256;

class WholeDevice {
 public:
  explicit WholeDevice(const ControllerOptions& options)
      : memory(*DeviceMemory::create(descriptors_, options)),
        port(memory.doorbell_page(), memory.low_latency_bar(), states_, {.queue_pairs = options.queue_pairs}),
        device(options, memory, port) {
    device.set_memory(std::make_shared<pci::GuestMemory>(
        std::vector<pci::MemoryRange>{{.address = kAddress,
                                       .size = ScriptedDriver::kMemoryBytes,
                                       .readable = true,
                                       .writable = true,
                                       .bytes = ram_->bytes().data(),
                                       .owner = ram_}}));
    device.set_interrupt(1, interrupt);
    write(Register::kDeviceControl, kDeviceControlReset);
    write(Register::kDeviceControl, 0);
    write(Register::kAdminQueueBaseLow, kAddress);
    write(Register::kAdminCompletionBaseLow, kAddress + 0x1000);
    write(Register::kAdminQueueCapabilities, 64u << 16 | 32);
    write(Register::kAdminCompletionCapabilities, 64u << 16 | 32);
  }

  std::uint8_t* at(std::uint64_t address) { return ram_->bytes().data() + (address - kAddress); }
  void write(Register which, std::uint64_t value) {
    device.write(0, static_cast<std::uint16_t>(which), 4, value & 0xffff'ffff);
  }
  // At most 32 of them.
  ScriptedAnswer execute(AdminCommand command) {
    command.bytes[3] |= 1;
    std::ranges::copy(command.bytes, at(kAddress) + tail_ * 64);
    const std::uint8_t* const entry = at(kAddress + 0x1000) + tail_ * 64;
    write(Register::kAdminQueueDoorbell, ++tail_);
    ScriptedAnswer answer{.status = static_cast<AdminStatus>(entry[2])};
    std::copy_n(entry + 8, answer.bytes.size(), answer.bytes.begin());
    EXPECT_EQ(answer.status, AdminStatus::kSuccess);
    return answer;
  }
  // By BAR 0's offsets, as the answers tell them.
  void store(std::uint32_t offset, std::uint32_t value) {
    std::memcpy(memory.doorbell_page().data() + (offset - kDoorbellPageOffset), &value, sizeof value);
  }

  std::shared_ptr<ScriptedInterrupt> interrupt = std::make_shared<ScriptedInterrupt>();

 private:
  ScriptedDescriptors descriptors_;
  std::shared_ptr<ScriptedMemory> ram_ = std::make_shared<ScriptedMemory>(ScriptedDriver::kMemoryBytes);
  std::array<QueueState, kQueueStates> states_{};
  std::uint32_t tail_ = 0;

 public:
  DeviceMemory memory;
  EnaPort port;
  Controller device;
};

// Makes a transmit queue at kAddress + 0x2000, its completions at 0x4000; answers the SQ's and the CQ's
// answer.
std::pair<ScriptedAnswer, ScriptedAnswer> make_transmit_queue(WholeDevice& whole, std::uint8_t placement) {
  const ScriptedAnswer completions =
      whole.execute(ScriptedDriver::create_completion_queue({.depth = kDepth, .address = kAddress + 0x4000}));
  const ScriptedAnswer submissions = whole.execute(
      ScriptedDriver::create_submission_queue({.placement = placement,
                                               .completion_queue = completions.load<std::uint16_t>(0),
                                               .depth = kDepth,
                                               .address = kAddress + 0x2000}));
  return {submissions, completions};
}

constexpr std::uint32_t kUnmask = 1u << 30;
constexpr std::uint32_t kLast = 1u << 27;

TEST(EnaDevice, a_guests_packet_goes_by_the_places_that_the_controller_told) {
  WholeDevice whole({});
  const auto [submissions, completions] = make_transmit_queue(whole, 1);
  TransmitDescriptor descriptor;
  descriptor.length_control = 60 | kLast;
  descriptor.address_low = static_cast<std::uint32_t>(kAddress + 0x8000);
  std::memcpy(whole.at(kAddress + 0x2000), &descriptor, sizeof descriptor);
  whole.store(completions.load<std::uint32_t>(12), kUnmask);
  whole.store(submissions.load<std::uint32_t>(4), 1);
  EXPECT_TRUE(whole.port.has_work());
  std::array<card::Frame, 4> frames;
  ASSERT_EQ(whole.port.receive(frames), 1u);
  EXPECT_EQ(frames[0].bytes.size(), 60u);
  EXPECT_EQ(whole.at(kAddress + 0x4000)[3], 1);  // The phase.
  EXPECT_EQ(whole.interrupt->raised, 1);
}

TEST(EnaDevice, a_pushed_packet_lies_where_the_controller_told) {
  WholeDevice whole({.low_latency = true});
  whole.execute([] {
    AdminCommand set = ScriptedDriver::command(AdminOpcode::kSetFeature);
    set.bytes[17] = 4;
    set.bytes[20 + 10] = 1;  // Inline headers, entries of 128 bytes, two descriptors first, many an entry.
    set.bytes[20 + 14] = 1;
    set.bytes[20 + 18] = 2;
    set.bytes[20 + 22] = 2;
    return set;
  }());
  make_transmit_queue(whole, 1);
  const ScriptedAnswer completions =
      whole.execute(ScriptedDriver::create_completion_queue({.depth = kDepth, .address = kAddress + 0x5000}));
  const ScriptedAnswer pushed = whole.execute(ScriptedDriver::create_submission_queue(
      {.placement = 3, .completion_queue = completions.load<std::uint16_t>(0), .depth = kDepth}));
  std::uint8_t* const entry = whole.memory.low_latency_bar().data() + pushed.load<std::uint32_t>(8);
  TransmitDescriptor descriptor;
  descriptor.length_control = kLast;
  descriptor.address_high_header = 60u << 24;
  std::memcpy(entry, &descriptor, sizeof descriptor);
  std::memset(entry + kLowLatencyHeaderAt, 0x77, 60);
  whole.store(pushed.load<std::uint32_t>(4), 1);
  std::array<card::Frame, 4> frames;
  ASSERT_EQ(whole.port.receive(frames), 1u);
  ASSERT_EQ(frames[0].bytes.size(), 60u);
  EXPECT_EQ(frames[0].bytes[59], 0x77);
}

TEST(EnaDevice, a_broken_rule_is_the_controllers_to_tell_and_a_reset_mends_it) {
  WholeDevice whole({});
  auto [submissions, completions] = make_transmit_queue(whole, 1);
  whole.store(submissions.load<std::uint32_t>(4), 0x8000);
  std::array<card::Frame, 4> frames;
  EXPECT_EQ(whole.port.receive(frames), 0u);
  EXPECT_TRUE(whole.port.is_broken());
  EXPECT_NE(whole.port.facts().broken_because, "");
  EXPECT_EQ(whole.port.facts().resets, 0u) << "those before there were queues are a driver's beginning";
  whole.device.reset();
  EXPECT_FALSE(whole.port.is_broken());
  EXPECT_EQ(whole.port.facts().broken_because, "");
  EXPECT_EQ(whole.port.facts().times_broken, 1u);
  EXPECT_EQ(whole.port.facts().resets, 1u);
  EXPECT_FALSE(whole.port.has_work());
}

}  // namespace
}  // namespace enid::devices::ena
