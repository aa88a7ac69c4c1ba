// A device whose halves are two processes: what is said arrives, what makes no sense is refused, and a fast
// half that dies in the middle of traffic costs time only.

#include "devices/ena/remote_data_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "devices/ena/data_path_server.h"
#include "devices/ena/ena_port.h"
#include "devices/ena/scripted_driver.h"

namespace enid::devices::ena {
namespace {

// Memory and interrupts that can be handed on, as a host's descriptors can.
struct Travelling final : pci::Descriptor {
  std::shared_ptr<pci::SharedMemory> memory;
  std::shared_ptr<pci::Interrupt> interrupt;

  std::uint64_t identity() const override {
    return reinterpret_cast<std::uintptr_t>(memory ? static_cast<void*>(memory.get()) : interrupt.get());
  }
  std::uint64_t size() const override { return memory ? memory->bytes().size() : 0; }
};

struct TravellingMemory final : pci::SharedMemory {
  std::shared_ptr<pci::SharedMemory> whole;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  Bytes bytes() const override { return whole->bytes().subspan(offset, length); }
  std::uint64_t file_offset() const override { return offset; }
  std::shared_ptr<const pci::Descriptor> file() const override {
    auto file = std::make_shared<Travelling>();
    file->memory = whole;
    return file;
  }
};

struct TravellingInterrupt final : pci::Interrupt {
  std::shared_ptr<ScriptedInterrupt> target = std::make_shared<ScriptedInterrupt>();

  void raise() override { target->raise(); }
  std::shared_ptr<const pci::Descriptor> event() const override {
    auto event = std::make_shared<Travelling>();
    event->interrupt = target;
    return event;
  }
};

struct TravellingUser final : pci::DescriptorUser {
  Result<std::shared_ptr<pci::SharedMemory>> map(const pci::Descriptor& file, std::uint64_t offset,
                                                 std::uint64_t size, bool) override {
    const auto& whole = static_cast<const Travelling&>(file).memory;
    if (whole == nullptr || offset > file.size() || size > file.size() - offset)
      return failure(std::make_error_code(std::errc::invalid_argument), "map a file beyond its end");
    auto part = std::make_shared<TravellingMemory>();
    part->whole = whole;
    part->offset = offset;
    part->length = size;
    return part;
  }
  std::shared_ptr<pci::Interrupt> interrupt(std::unique_ptr<pci::Descriptor> event) override {
    return static_cast<const Travelling&>(*event).interrupt;
  }
  Result<NewMemory> make_shared_memory(std::uint64_t) override { return failure({}, "not here"); }
};

// The wire: bytes there and back.
struct Wire final : DataPathChannel {
  DataPathServer* server = nullptr;
  std::size_t messages = 0;
  std::size_t ranges = 0;
  std::string refusal;

  std::optional<DataPathMessage> exchange(const DataPathMessage& message, PassedDescriptors passed) override {
    if (server == nullptr) return std::nullopt;
    ++messages;
    const auto arrived = decode(encode(message));
    if (!arrived) return std::nullopt;
    if (const auto* change = std::get_if<MemoryChange>(&*arrived))
      ranges += change->come.size() + change->gone.size();
    DataPathServer::Descriptors descriptors;
    for (const auto& one : passed)
      descriptors.push_back(std::make_unique<Travelling>(static_cast<const Travelling&>(*one)));
    auto answer = server->on_message(*arrived, std::move(descriptors));
    if (answer) return decode(encode(*answer));
    refusal = answer.error().message;
    server = nullptr;
    return std::nullopt;
  }
};

class TwoProcesses : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kAddress = ScriptedDriver::kMemoryAddress;
  static constexpr std::uint16_t kDepth = 64;
  static constexpr std::uint64_t kTransmitRing = kAddress + 0x2'0000, kReceiveRing = kAddress + 0x2'1000;
  static constexpr std::uint64_t kTransmitted = kAddress + 0x2'2000, kReceived = kAddress + 0x2'3000;
  static constexpr std::uint64_t kBuffers = kAddress + 0x3'0000;
  static constexpr std::uint64_t kBufferBytes = 2048;

  TwoProcesses() {
    driver_.device.set_memory(picture({{kAddress, ScriptedDriver::kMemoryBytes}}));
    driver_.device.set_interrupt(1, interrupt_);
  }

  // Of parts of the guest's memory.
  std::shared_ptr<pci::GuestMemory> picture(
      const std::vector<std::pair<std::uint64_t, std::uint64_t>>& parts) {
    std::vector<pci::MemoryRange> ranges;
    for (const auto& [address, size] : parts)
      ranges.push_back({address, size, true, true, driver_.at(address), memory_});
    return std::make_shared<pci::GuestMemory>(std::move(ranges));
  }

  void start_daemon() {
    port_ = std::make_unique<EnaPort>(device_memory_.doorbell_page(), device_memory_.low_latency_bar(),
                                      std::span(states_), EnaPortOptions{.queue_pairs = 2});
    server_ = std::make_unique<DataPathServer>(Begin{.queue_pairs = 2, .mtu = 9001}, *port_, user_);
    wire_.server = server_.get();
    path_.begin_anew();
    driver_.device.resume_data_path();
  }
  void kill_daemon() {
    wire_.server = nullptr;
    server_.reset();
    port_.reset();
  }

  void make_queues() {
    std::memset(driver_.at(kTransmitted), 0, 0x2000);
    using Driver = ScriptedDriver;
    const auto sent = driver_.execute(
        Driver::create_completion_queue({.entry_words = 2, .depth = kDepth, .address = kTransmitted}));
    const auto got = driver_.execute(
        Driver::create_completion_queue({.entry_words = 4, .depth = kDepth, .address = kReceived}));
    driver_.execute(Driver::create_submission_queue({.direction = 1,
                                                     .completion_queue = sent.load<std::uint16_t>(0),
                                                     .depth = kDepth,
                                                     .address = kTransmitRing}));
    driver_.execute(Driver::create_submission_queue({.direction = 2,
                                                     .completion_queue = got.load<std::uint16_t>(0),
                                                     .depth = kDepth,
                                                     .address = kReceiveRing}));
    sent_ = completed_ = posted_ = received_ = 0;
  }

  void ring(std::uint32_t doorbell, std::uint32_t tail) {
    store_shared_word(device_memory_.doorbell_page().data() + doorbell, tail & 0xffff);
  }
  void send_one() {
    const std::uint64_t at = kBuffers + sent_ % kDepth * 64;
    std::memset(driver_.at(at), 0, 60);
    std::memcpy(driver_.at(at) + 20, &sent_, sizeof sent_);
    TransmitDescriptor descriptor;
    descriptor.length_control = 60 | 1u << 26 | 1u << 27;
    descriptor.meta_control = (sent_ % kDepth) << 22;
    descriptor.address_low = static_cast<std::uint32_t>(at);
    std::memcpy(driver_.at(kTransmitRing + sent_ % kDepth * 16), &descriptor, sizeof descriptor);
    ring(transmit_doorbell(0), ++sent_);
  }
  void post_one() {
    const std::uint64_t at = kBuffers + 0x1000 + posted_ % kDepth * kBufferBytes;
    ReceiveDescriptor descriptor;
    descriptor.length = kBufferBytes;
    descriptor.request_id = static_cast<std::uint16_t>(posted_ % kDepth);
    descriptor.address_low = static_cast<std::uint32_t>(at);
    std::memcpy(driver_.at(kReceiveRing + posted_ % kDepth * 16), &descriptor, sizeof descriptor);
    ring(receive_doorbell(0), ++posted_);
  }
  // Completions are each there once, in order.
  void take_completions() {
    for (;; ++completed_) {
      TransmitCompletion entry;
      std::memcpy(&entry, driver_.at(kTransmitted + completed_ % kDepth * 8), sizeof entry);
      if ((entry.flags & 1) != (completed_ / kDepth % 2 == 0 ? 1 : 0)) break;
      ASSERT_EQ(entry.request_id, completed_ % kDepth);
      ASSERT_LT(completed_, sent_);
    }
    for (;; ++received_) {
      ReceiveCompletion entry;
      std::memcpy(&entry, driver_.at(kReceived + received_ % kDepth * 16), sizeof entry);
      if ((entry.status & receive_status::kPhase) !=
          (received_ / kDepth % 2 == 0 ? receive_status::kPhase : 0))
        break;
      ASSERT_EQ(entry.request_id, received_ % kDepth);
      std::uint32_t number = 0;
      std::memcpy(&number, driver_.at(kBuffers + 0x1000 + received_ % kDepth * kBufferBytes) + 20, 4);
      ASSERT_EQ(number, received_);
    }
  }
  // One round of the card, which sends back what the guest sent.
  void round() {
    std::array<card::Frame, 16> frames;
    const std::size_t count = port_->receive(frames);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t number = 0;
      std::memcpy(&number, frames[i].bytes.data() + 20, sizeof number);
      ASSERT_EQ(number, carried_++);
    }
    ASSERT_EQ(port_->transmit(std::span(frames).first(count)), count);
  }

  ControllerOptions options_{.queue_pairs = 2, .vectors = 3};
  ScriptedDescriptors descriptors_;
  DeviceMemory device_memory_ = *DeviceMemory::create(descriptors_, options_);
  std::array<QueueState, kQueueStates> states_{};
  Wire wire_;
  RemoteDataPath path_{wire_, device_memory_.doorbell_page(), states_};
  ScriptedDriver driver_{options_, device_memory_, path_};
  std::shared_ptr<TravellingMemory> memory_ = [this] {
    auto memory = std::make_shared<TravellingMemory>();
    memory->whole = driver_.memory;
    memory->length = ScriptedDriver::kMemoryBytes;
    return memory;
  }();
  std::shared_ptr<TravellingInterrupt> interrupt_ = std::make_shared<TravellingInterrupt>();
  TravellingUser user_;
  std::unique_ptr<EnaPort> port_;
  std::unique_ptr<DataPathServer> server_;
  std::uint32_t sent_ = 0, completed_ = 0, posted_ = 0, received_ = 0, carried_ = 0;
};

TEST_F(TwoProcesses, packets_pass_as_in_one) {
  start_daemon();
  driver_.begin();
  make_queues();
  for (int i = 0; i < 10; ++i) post_one();
  for (int i = 0; i < 10; ++i) send_one();
  round();
  take_completions();
  EXPECT_EQ(completed_, 10u);
  EXPECT_EQ(received_, 10u);
  EXPECT_EQ(path_.statistics().transmitted_packets, 10u);
  EXPECT_EQ(wire_.refusal, "");
}

TEST_F(TwoProcesses, a_daemon_that_dies_in_the_middle_of_traffic_loses_and_doubles_nothing) {
  Random random(17);
  start_daemon();
  driver_.begin();
  make_queues();
  std::uint32_t deaths = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t what = random.below(100);
    if (what < 40 && sent_ - completed_ < kDepth - 1 && sent_ < posted_) {
      send_one();
    } else if (what < 70 && posted_ - received_ < kDepth - 1) {
      post_one();
    } else if (what < 95 && port_) {
      round();
      take_completions();
    } else if (what == 98 && port_) {
      kill_daemon();
      ++deaths;
    } else if (what >= 98 && !port_) {
      start_daemon();
    }
    ASSERT_FALSE(HasFatalFailure()) << "step " << step;
  }
  if (!port_) start_daemon();
  for (int i = 0; i < 10; ++i) round();
  take_completions();
  EXPECT_GT(deaths, 50u);
  EXPECT_GT(sent_, 2'000u);
  EXPECT_EQ(completed_, sent_);
  EXPECT_EQ(received_, sent_);
}

TEST_F(TwoProcesses, queues_that_are_made_while_no_daemon_is_there_begin_at_zero) {
  start_daemon();
  driver_.begin();
  make_queues();
  for (int i = 0; i < 30; ++i) post_one();
  for (int i = 0; i < 30; ++i) send_one();
  round();
  round();
  take_completions();
  kill_daemon();
  EXPECT_FALSE(path_.statistics().is_broken);
  EXPECT_TRUE(driver_.reset());  // The guest's driver is loaded anew, and knows of nothing.
  driver_.begin();
  make_queues();
  post_one();
  send_one();
  start_daemon();
  carried_ = 0;
  round();
  take_completions();
  EXPECT_EQ(completed_, 1u);
  EXPECT_EQ(received_, 1u);
}

TEST_F(TwoProcesses, an_interrupt_travels_and_comes_once_more_after_a_death) {
  start_daemon();
  driver_.begin();
  make_queues();
  store_shared_word(device_memory_.doorbell_page().data() + unmask_word(1), 1u << 30);
  for (int i = 0; i < 2; ++i) post_one();
  send_one();
  round();
  EXPECT_EQ(interrupt_->target->raised, 1);
  kill_daemon();
  send_one();
  start_daemon();
  round();
  port_->on_time({});
  EXPECT_GE(interrupt_->target->raised, 2) << "one too many is better than one too few";
}

TEST_F(TwoProcesses, a_death_between_telling_of_a_frame_and_noting_its_buffer_uses_no_buffer_twice) {
  start_daemon();
  driver_.begin();
  make_queues();
  for (int i = 0; i < 8; ++i) post_one();
  for (int i = 0; i < 3; ++i) send_one();
  round();
  kill_daemon();
  --states_[receive_state(0)].consumed;
  start_daemon();
  for (int i = 0; i < 3; ++i) send_one();
  round();
  take_completions();
  EXPECT_EQ(received_, 6u);
}

TEST_F(TwoProcesses, of_the_guests_memory_only_what_changed_is_told) {
  start_daemon();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pages;
  for (std::uint64_t i = 0; i < 100; ++i) pages.emplace_back(kAddress + i * 8192, 4096);
  driver_.device.set_memory(picture({pages.begin(), pages.begin() + 50}));
  wire_.ranges = 0;
  pages.erase(pages.begin() + 7);
  driver_.device.set_memory(picture({pages.begin(), pages.begin() + 52}));
  EXPECT_EQ(wire_.ranges, 4u) << "one has gone, three have come";
  kill_daemon();
  start_daemon();
  EXPECT_EQ(wire_.ranges, 4u + 52) << "a new daemon is told all";
  EXPECT_EQ(wire_.refusal, "");
}

// --- What another process may send ---

struct Case {
  const char* name;
  DataPathMessage message;
};

CompletionQueueSetup completions(std::uint16_t index, std::uint16_t depth = 64, std::uint16_t bytes = 8,
                                 std::uint16_t vector = 1) {
  return {.index = index, .depth = depth, .entry_bytes = bytes, .address = 0x1000, .vector = vector};
}

TEST(DataPathServer, refuses_what_no_controller_would_ask) {
  SubmissionQueueSetup transmit{.depth = 64, .completion_queue = 0};
  SubmissionQueueSetup far = transmit, deep = transmit, lost = transmit, of_card = transmit, odd = transmit;
  far.index = 2;
  deep.depth = 128;
  lost.completion_queue = 3;
  of_card.placement = Placement::kLowLatency;
  odd.depth = 48;
  SubmissionQueueSetup wrong_way = transmit;
  wrong_way.direction = Direction::kReceive;
  ReceiveSteering steering;
  steering.table[5] = kQueuePairsMax;
  const Case cases[] = {
      {"completion queue beyond the last", completions(4)},
      {"completion queue twice", completions(0)},
      {"completion queue of an odd depth", completions(1, 100)},
      {"completion queue that is too deep", completions(1, 2048)},
      {"completion queue of odd entries", completions(1, 64, 12)},
      {"completion queue with a far vector", completions(1, 64, 8, 3)},
      {"submission queue beyond the last", far},
      {"submission queue deeper than its completions", deep},
      {"submission queue without completions", lost},
      {"submission queue of the wrong direction", wrong_way},
      {"submission queue of an odd depth", odd},
      {"low latency without memory for it", of_card},
      {"the end of nothing", CompletionQueueEnd{9}},
      {"the end of no submission queue", SubmissionQueueEnd{Direction::kReceive, 200}},
      {"a steering table with a far queue", steering},
      {"an MTU without end", MtuChange{100'000}},
      {"a far vector", InterruptChange{.vector = 900}},
      {"an event that did not come", InterruptChange{.vector = 1, .has_event = true}},
      {"memory of a file that did not come",
       MemoryChange{
           .gone = {}, .gone_files = {}, .new_files = {}, .come = {{.size = 4096, .readable = true}}}},
      {"files that did not come",
       MemoryChange{.gone = {}, .gone_files = {}, .new_files = {1, 2}, .come = {}}},
      {"an unmap around the world",
       MemoryChange{
           .gone = {{.address = 4096, .size = ~0ull}}, .gone_files = {}, .new_files = {}, .come = {}}},
      {"a second hello", Hello{}},
      {"a second beginning", Begin{}},
      {"a word of the daemon's", Done{}},
  };
  for (const Case& one : cases) {
    FakeDataPath path;  // Insists on what it was promised.
    TravellingUser user;
    DataPathServer server({.queue_pairs = 2, .mtu = 9001}, path, user);
    ASSERT_TRUE(server.on_message(completions(0), {}));
    EXPECT_FALSE(server.on_message(one.message, {})) << one.name;
    EXPECT_THAT(path.take_calls(), ::testing::SizeIs(1)) << one.name;
  }
}

TEST(DataPathServer, maps_only_what_lies_within_a_file) {
  FakeDataPath path;
  TravellingUser user;
  DataPathServer server({.queue_pairs = 2, .mtu = 9001}, path, user);
  const auto with_file = [&](std::uint64_t offset, std::uint64_t size) {
    Travelling file;
    file.memory = std::make_shared<ScriptedMemory>(8192);
    DataPathServer::Descriptors files;
    files.push_back(std::make_unique<Travelling>(file));
    return server.on_message(
        MemoryChange{
            .gone = {{.address = 0x1000, .size = 0x10000}},
            .gone_files = {7},
            .new_files = {7},
            .come = {{.address = 0x1000, .size = size, .readable = true, .file = 7, .file_offset = offset}},
            .is_last = true},
        std::move(files));
  };
  EXPECT_TRUE(with_file(0, 8192));
  EXPECT_TRUE(with_file(4096, 4096));
  EXPECT_FALSE(with_file(4096, 8192));
  EXPECT_FALSE(with_file(~0ull, 2));
  EXPECT_FALSE(with_file(0, 0));
}

// --- Bytes ---

TEST(DataPathMessage, says_what_was_said) {
  MemoryChange change{.gone = {{1, 2}}, .gone_files = {3}, .new_files = {4}, .come = {}, .is_last = true};
  change.come.push_back({5, 6, true, false, 7, 8});
  const auto read = decode(encode(change));
  ASSERT_TRUE(read);
  const auto& told = std::get<MemoryChange>(*read);
  EXPECT_EQ(told.gone[0].size, 2u);
  EXPECT_EQ(told.come[0].file_offset, 8u);
  EXPECT_TRUE(told.come[0].readable && !told.come[0].writable && told.is_last);
  const auto refusal = decode(encode(Refusal{.is_for_now = true, .reason = std::string(2000, 'x')}));
  EXPECT_EQ(std::get<Refusal>(*refusal).reason.size(), kMessageTextMax);
}

TEST(DataPathMessage, every_message_fits_and_no_part_of_one_is_a_message) {
  MemoryChange full;
  full.come.resize(kRangesInMessage);
  full.gone.resize(kRangesInMessage);
  full.gone_files.resize(kRangesInMessage);
  const DataPathMessage all[] = {Hello{.interface = "eni-1", .instance = "i-1"},
                                 Welcome{},
                                 Begin{},
                                 completions(1),
                                 SubmissionQueueSetup{},
                                 ReceiveSteering{},
                                 full,
                                 StatisticsAnswer{.statistics = {}, .broken_because = "why"}};
  for (const DataPathMessage& message : all) {
    const std::vector<std::uint8_t> bytes = encode(message);
    ASSERT_TRUE(decode(bytes)) << message.index();
    EXPECT_EQ(decode(bytes)->index(), message.index());
    for (std::size_t length = 0; length < std::min<std::size_t>(bytes.size(), 300); ++length)
      EXPECT_FALSE(decode(ConstBytes(bytes).first(length))) << message.index() << " cut at " << length;
    std::vector<std::uint8_t> longer = bytes;
    longer.push_back(0);
    EXPECT_FALSE(decode(longer)) << message.index();
  }
}

}  // namespace
}  // namespace enid::devices::ena
