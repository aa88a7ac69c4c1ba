// Fuzzes the fast half of an ENA device: a guest that writes what it likes, where it may, when it likes, and
// a card that hands over frames of any bytes with any notes. The input is a program of steps.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "devices/ena/ena_port.h"

namespace {

using namespace enid;
using namespace enid::devices::ena;

constexpr std::uint64_t kBase = 0x10000;
constexpr std::size_t kMemoryBytes = 64 * 1024;

struct NoInterrupt final : pci::Interrupt {
  void raise() override {}
};

class Input {
 public:
  explicit Input(ConstBytes bytes) : bytes_(bytes) {}
  bool is_over() const { return bytes_.empty(); }
  template <class T>
  T take() {
    T value{};
    const ConstBytes from = take(sizeof value);
    std::memcpy(&value, from.data(), from.size());
    return value;
  }
  ConstBytes take(std::size_t bytes) {
    const ConstBytes from = bytes_.first(std::min(bytes, bytes_.size()));
    bytes_ = bytes_.subspan(from.size());
    return from;
  }

 private:
  ConstBytes bytes_;
};

class Machine {
 public:
  Machine() : port_(page(), bar(), states_, {}) {
    port_.set_link(true);
    share(kMemoryBytes);
    for (std::uint16_t i = 0; i < kVectorsMax; ++i) port_.set_interrupt(i, std::make_shared<NoInterrupt>());
  }

  void step(Input& input) {
    switch (input.take<std::uint8_t>() % 14) {
      case 0:
        return write(input, {memory_.data(), kMemoryBytes});
      case 1:
        return write(input, page());
      case 2:
        return write(input, bar());
      case 3:
        return receive();
      case 4:
        return transmit(input);
      case 5:
        return create_completion_queue(input);
      case 6:
        return create_submission_queue(input);
      case 7:
        return port_.destroy_completion_queue(input.take<std::uint8_t>() % kCompletionQueuesMax);
      case 8:
        return port_.destroy_submission_queue(direction(input), input.take<std::uint8_t>() % kQueuePairsMax);
      case 9:
        return port_.reset();
      case 10:
        return share(std::size_t{1} << (8 + input.take<std::uint8_t>() % 9));
      case 11:
        now_ = now_ + Duration::from_microseconds(input.take<std::uint8_t>());
        return port_.on_time(now_);
      case 12:
        return steer(input);
      default:
        port_.set_mtu(input.take<std::uint16_t>());
        return port_.set_link(input.take<std::uint8_t>() % 4 != 0);
    }
  }

 private:
  Bytes page() { return {reinterpret_cast<std::uint8_t*>(page_.data()), kDoorbellPageBytes}; }
  Bytes bar() { return {bar_.data(), bar_.size()}; }

  void share(std::size_t piece) {
    std::vector<pci::MemoryRange> ranges;
    for (std::size_t at = 0; at < kMemoryBytes; at += piece) {
      const bool is_odd = piece < 4096 && at / piece % 16 == 7;  // Holes, and what may not be written.
      ranges.push_back({kBase + at, piece, true, !is_odd, memory_.data() + at, nullptr});
    }
    port_.set_memory(std::make_shared<pci::GuestMemory>(std::move(ranges)));
  }

  static void write(Input& input, Bytes into) {
    const std::size_t at = input.take<std::uint32_t>() % into.size();
    const ConstBytes from = input.take(std::min<std::size_t>(input.take<std::uint8_t>(), into.size() - at));
    std::memcpy(into.data() + at, from.data(), from.size());
  }

  static Direction direction(Input& input) {
    return input.take<std::uint8_t>() % 2 == 0 ? Direction::kTransmit : Direction::kReceive;
  }
  static std::uint16_t depth(Input& input) {
    return static_cast<std::uint16_t>(kDepthMin << input.take<std::uint8_t>() % 7);
  }

  void create_completion_queue(Input& input) {
    CompletionQueueSetup setup;
    setup.index = input.take<std::uint8_t>() % kCompletionQueuesMax;
    setup.depth = depth(input);
    setup.entry_bytes = input.take<std::uint8_t>() % 2 == 0 ? 8 : 16;
    setup.address = input.take<std::uint32_t>();
    setup.vector = input.take<std::uint16_t>();
    setup.resumes = input.take<std::uint8_t>() % 4 == 0;
    port_.create_completion_queue(setup);
  }
  void create_submission_queue(Input& input) {
    SubmissionQueueSetup setup;
    setup.direction = direction(input);
    setup.index = input.take<std::uint8_t>() % kQueuePairsMax;
    setup.depth = depth(input);
    setup.placement = input.take<std::uint8_t>() % 2 == 0 ? Placement::kHost : Placement::kLowLatency;
    setup.address = input.take<std::uint32_t>();
    setup.completion_queue = input.take<std::uint8_t>() % kCompletionQueuesMax;
    setup.resumes = input.take<std::uint8_t>() % 4 == 0;
    port_.create_submission_queue(setup);
  }
  void steer(Input& input) {
    ReceiveSteering steering;
    steering.is_on = input.take<std::uint8_t>() % 4 != 0;
    for (auto& queue : steering.table) queue = input.take<std::uint8_t>();
    for (auto& byte : steering.key) byte = input.take<std::uint8_t>();
    for (auto& fields : steering.fields) fields = input.take<std::uint8_t>();
    port_.set_receive_steering(steering);
  }

  void receive() {
    std::array<card::Frame, 16> frames;
    const std::size_t count = port_.receive(frames);
    if (count > frames.size()) std::abort();
    const std::uint8_t* last = nullptr;
    for (std::size_t i = 0; i < count; ++i) {
      const card::Frame& frame = frames[i];
      if (frame.bytes.size() < 14 || frame.bytes.size() > TransmitQueue::kFrameBytesMax) std::abort();
      if (frame.bytes.data() <= last) std::abort();
      last = frame.bytes.data() + frame.bytes.size() - 1;
      const card::FrameOffload& offload = frame.offload;
      if (offload.checksum_needed &&
          std::size_t{offload.checksum_start} + offload.checksum_offset + 2 > frame.bytes.size())
        std::abort();
      if (offload.header_bytes > frame.bytes.size()) std::abort();
      std::ranges::fill(frame.bytes, 0xcc);  // The card may.
    }
    if (count > 0) port_.transmit(std::span(frames).first(count));
  }

  void transmit(Input& input) {
    card::FrameOffload offload;
    const auto bits = input.take<std::uint8_t>();
    offload.checksum_needed = (bits & 1) != 0;
    offload.checksum_valid = (bits & 2) != 0;
    offload.segmentation = static_cast<card::Segmentation>(bits >> 2 & 3);
    offload.segment_bytes = input.take<std::uint16_t>();
    offload.checksum_start = input.take<std::uint16_t>();
    offload.checksum_offset = input.take<std::uint8_t>();
    const ConstBytes head = input.take(input.take<std::uint8_t>());
    // Of its own size on the heap, so that the sanitizer sees a byte too far.
    std::vector<std::uint8_t> bytes(head.begin(), head.end());
    bytes.resize(bytes.size() + ((bits & 0x40) != 0 ? input.take<std::uint16_t>() : 0), 0x5a);
    const card::Frame frame{bytes, offload};
    port_.transmit({&frame, 1});
  }

  std::vector<std::uint8_t> memory_ = std::vector<std::uint8_t>(kMemoryBytes);
  std::array<std::uint64_t, kDoorbellPageBytes / 8> page_{};
  // Less than the queues may want.
  std::vector<std::uint8_t> bar_ = std::vector<std::uint8_t>(8192);
  std::array<QueueState, kQueueStates> states_{};
  EnaPort port_;
  Instant now_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input({data, size});
  Machine machine;
  while (!input.is_over()) machine.step(input);
  return 0;
}
