#include "devices/ena/ena_port.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "devices/ena/receive_offload.h"
#include "devices/ena/transmit_offload.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/segmenter.h"

namespace enid::devices::ena {
namespace {

using card::Frame;
using card::Segmentation;
using wire::EthernetHeader;

// Lets IP headers lie on multiples of four, and frames begin on cache lines of their own.
constexpr std::size_t kSlotAlignment = 64;
constexpr std::size_t kFrameAt = 2;

}  // namespace

// A frame on its way to the guest.
struct EnaPort::Arrival {
  wire::FrameLayout layout;
  ReceiveQueue* queue = nullptr;
  CompletionQueue* completions = nullptr;
  std::uint32_t hash = 0;
  std::uint32_t status = 0;
};

// The arena is not value-initialized: pages that no frame reaches are never touched.
EnaPort::EnaPort(Bytes doorbell_page, Bytes low_latency_bar, std::span<QueueState> states,
                 const EnaPortOptions& options)
    : doorbells_(doorbell_page),
      low_latency_(low_latency_bar),
      states_(states),
      options_(options),
      mtu_(options.mtu),
      arena_(new std::uint8_t[kArenaBytes]) {
  CHECK(doorbells_.size() >= kDoorbellPageBytes && states_.size() >= kQueueStates);
  CHECK(options_.queue_pairs >= 1 && options_.queue_pairs <= kQueuePairsMax);
  static_assert(kArenaBytes > kSlotAlignment + TransmitQueue::kFrameBytesMax);
}

inline void EnaPort::note_completion(const CompletionQueue& completions, Direction direction) {
  const std::uint16_t index = completions.setup().vector;
  if (index >= vectors_.size()) return;
  pending_vectors_ |= 1u << index;
  if (direction == Direction::kTransmit) {
    vectors_[index].on_transmitted(now_);
  } else {
    vectors_[index].on_received(now_);
  }
}

// --- The guest's packets ---

bool EnaPort::has_work() const {
  if (is_broken()) return false;
  for (std::size_t i = 0; i < active_count_; ++i) {
    if (transmit_[active_[i]]->has_work()) return true;
  }
  return false;
}

// Makes the packet in `frame` one for the card, or counts why not.
inline bool EnaPort::keep(TransmitQueue::Outcome outcome, const TransmitPacket& packet,
                          QueueStatistics& counts, Frame& frame) {
  std::optional<card::FrameOffload> offload;
  if (is_link_up_ && outcome == TransmitQueue::Outcome::kTaken && packet.bytes >= EthernetHeader::kBytes) {
    if (packet.notes.asks_nothing()) {
      offload.emplace();
    } else {
      offload = apply_notes(packet.notes, frame.bytes);
    }
  }
  if (!offload) {
    ++counts.drops;
    return false;
  }
  frame.offload = *offload;
  ++counts.packets;
  counts.bytes += packet.bytes;
  return true;
}

inline bool EnaPort::complete(const TransmitQueue& queue, const TransmitPacket& packet) {
  CompletionQueue& completions = *completions_[queue.setup().completion_queue];
  TransmitCompletion entry;
  entry.request_id = packet.request_id;
  entry.queue = queue.setup().index;
  entry.head = packet.head;
  if (!completions.write(entry)) return false;
  note_completion(completions, Direction::kTransmit);
  return true;
}

void EnaPort::drain(TransmitQueue& queue, Batch& batch) {
  QueueStatistics& counts = transmit_counts_[queue.setup().index];
  for (; batch.looked < batch.frames.size() && arena_used_ + kFrameAt < kArenaBytes; ++batch.looked) {
    const Bytes room{arena_.get() + arena_used_ + kFrameAt, kArenaBytes - arena_used_ - kFrameAt};
    TransmitPacket packet;
    const TransmitQueue::Outcome outcome = queue.take(room, packet);
    if (outcome == TransmitQueue::Outcome::kBroken) break_because(queue.broken_because());
    if (outcome != TransmitQueue::Outcome::kTaken && outcome != TransmitQueue::Outcome::kTooLong) return;
    Frame& frame = batch.frames[batch.count];
    frame.bytes = room.first(std::min(packet.bytes, room.size()));
    if (keep(outcome, packet, counts, frame)) {
      ++batch.count;
      const std::size_t end = arena_used_ + kFrameAt + packet.bytes;
      arena_used_ = (end + kSlotAlignment - 1) / kSlotAlignment * kSlotAlignment;
    }
    if (!complete(queue, packet)) return break_because("a completion ring is not in memory");
  }
}

std::size_t EnaPort::receive(std::span<Frame> frames) {
  arena_used_ = 0;
  Batch batch{frames};
  for (std::size_t i = 0; i < active_count_ && !is_broken(); ++i) {
    TransmitQueue& queue = *transmit_[active_[(next_active_ + i) % active_count_]];
    if (queue.has_work()) drain(queue, batch);
  }
  if (active_count_ != 0) next_active_ = (next_active_ + 1) % active_count_;
  raise_due();
  return batch.count;
}

// --- Frames for the guest ---

inline std::uint16_t EnaPort::receive_index_for(std::uint32_t hash) const {
  if (steerer_ && steerer_->is_on()) {
    const std::uint16_t index = steerer_->queue(hash);
    if (index < receive_.size() && receive_[index]) return index;
  }
  return 0;
}

ReceiveQueue* EnaPort::receive_queue_for(std::uint32_t hash) {
  auto& queue = receive_[receive_index_for(hash)];
  return queue ? &*queue : nullptr;
}

card::PortFacts EnaPort::facts() const {
  const auto in_use = std::ranges::count_if(receive_, [](const auto& queue) { return queue.has_value(); });
  return {.kind = "ena",
          .queue_pairs = options_.queue_pairs,
          .queue_pairs_in_use = static_cast<std::uint16_t>(in_use),
          .resets = resets_,
          .times_broken = times_broken_,
          .broken_because = is_broken() ? broken_because_ : std::string_view{}};
}

std::optional<std::uint16_t> EnaPort::receive_queue_of(const Frame& frame) const {
  if (!is_link_up_ || frame.bytes.size() < EthernetHeader::kBytes) return std::nullopt;
  std::uint32_t hash = 0;
  if (steerer_ && steerer_->is_on())
    hash = steerer_->hash(frame.bytes, wire::read_layout(frame.bytes, wire::IpLength::kAsWritten));
  const std::uint16_t index = receive_index_for(hash);
  return receive_[index] ? std::optional(index) : std::nullopt;
}

bool EnaPort::put(std::span<const ConstBytes> parts, Arrival& arrival) {
  QueueStatistics& counts = receive_counts_[arrival.queue->setup().index];
  switch (arrival.queue->put({parts, arrival.status, arrival.hash}, *arrival.completions)) {
    case ReceiveQueue::Outcome::kBroken:
      break_because(arrival.queue->broken_because());
      return false;
    case ReceiveQueue::Outcome::kNoBuffers:
      ++counts.overruns;
      return false;
    case ReceiveQueue::Outcome::kPut:
      break;
  }
  ++counts.packets;
  for (const ConstBytes part : parts) counts.bytes += part.size();
  note_completion(*arrival.completions, Direction::kReceive);
  return true;
}

inline bool EnaPort::bring_whole(const Frame& frame, Arrival& arrival) {
  const ConstBytes bytes = frame.bytes;
  const card::FrameOffload& offload = frame.offload;
  const std::size_t field = std::size_t{offload.checksum_start} + offload.checksum_offset;
  if (bytes.size() > arrival.layout.ip_offset + mtu_ ||
      (offload.checksum_needed && (field + 2 > bytes.size() || offload.checksum_start > field))) {
    drop_arrival(arrival.queue->setup().index);
    return false;
  }
  arrival.status = receive_status_of(bytes, arrival.layout, offload);
  if (!offload.checksum_needed) return put(std::array{bytes}, arrival);
  // The frame may go to others too, so its bytes stay as they are.
  std::array<std::uint8_t, 2> checksum;
  const std::uint16_t made = wire::internet_checksum(bytes.subspan(offload.checksum_start));
  store_be16(checksum.data(), made == 0 ? 0xffff : made);
  return put(std::array{bytes.first(field), ConstBytes(checksum), bytes.subspan(field + 2)}, arrival);
}

// How much payload each frame for the guest gets; 0: not even one segment fits the guest's MTU.
std::size_t EnaPort::segment_bytes(const Frame& frame, const wire::FrameLayout& layout) const {
  const std::size_t headers = layout.headers() - layout.ip_offset;
  const std::size_t one = frame.offload.segment_bytes;
  if (headers + one > mtu_) return 0;
  if (!options_.merges_segments || !layout.is_tcp() || one == 0) return one;
  return (mtu_ - headers) / one * one;
}

bool EnaPort::bring_segments(const Frame& frame, Arrival& arrival) {
  const std::uint16_t index = arrival.queue->setup().index;
  auto segments = wire::Segmenter::create(frame.bytes, arrival.layout, segment_bytes(frame, arrival.layout));
  if (!segments) {
    drop_arrival(index);
    return false;
  }
  if (segments->left() == 0) return bring_whole(frame, arrival);  // Headers alone.
  arrival.status = receive_status_of(frame.bytes, arrival.layout, {.checksum_needed = true});
  bool is_any_put = false;
  while (segments->next()) {
    if (!put(std::array{segments->headers(), segments->payload()}, arrival)) {
      if (!is_broken()) receive_counts_[index].overruns += segments->left();
      break;
    }
    is_any_put = true;
  }
  return is_any_put;
}

inline bool EnaPort::bring(const Frame& frame) {
  if (!is_link_up_ || frame.bytes.size() < EthernetHeader::kBytes) {
    drop_arrival(0);
    return false;
  }
  const bool is_super = frame.offload.segmentation != Segmentation::kNone;
  Arrival arrival;
  arrival.layout =
      wire::read_layout(frame.bytes, is_super ? wire::IpLength::kToFrameEnd : wire::IpLength::kAsWritten);
  if (steerer_ && steerer_->is_on()) arrival.hash = steerer_->hash(frame.bytes, arrival.layout);
  arrival.queue = receive_queue_for(arrival.hash);
  if (arrival.queue != nullptr) {
    auto& completions = completions_[arrival.queue->setup().completion_queue];
    if (completions) arrival.completions = &*completions;
  }
  if (arrival.completions == nullptr ||
      arrival.completions->setup().entry_bytes != CompletionQueue::kReceiveEntryBytes) {
    drop_arrival(0);
    return false;
  }
  return is_super ? bring_segments(frame, arrival) : bring_whole(frame, arrival);
}

std::size_t EnaPort::transmit(std::span<const Frame> frames) {
  if (receive_[0]) receive_[0]->prefetch(frames.size());
  std::size_t taken = 0;
  for (const Frame& frame : frames) {
    if (is_broken()) break;
    if (bring(frame)) ++taken;
  }
  raise_due();
  return taken;
}

// --- Interrupts ---

void EnaPort::on_time(Instant now) {
  now_ = now;
  raise_due();
}

void EnaPort::raise_due() {
  for (std::uint32_t left = pending_vectors_; left != 0; left &= left - 1) {
    const auto index = static_cast<std::size_t>(std::countr_zero(left));
    vectors_[index].poll(now_);
    if (!vectors_[index].is_pending()) pending_vectors_ &= ~(1u << index);
  }
}

Instant EnaPort::next_timeout() const {
  Instant next = Instant::never();
  if (pending_vectors_ == 0) return next;
  for (const Vector& vector : vectors_) next = std::min(next, vector.next_timeout());
  return next;
}

void EnaPort::set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) {
  if (vector < vectors_.size()) vectors_[vector].set_interrupt(std::move(interrupt));
}

void EnaPort::begin_vector(const CompletionQueueSetup& setup) {
  if (setup.vector >= vectors_.size()) return;
  std::uint8_t* const word = doorbells_.data() + unmask_word(setup.vector);
  const bool is_shared = std::ranges::any_of(completions_, [&](const auto& other) {
    return other && other->setup().index != setup.index && other->setup().vector == setup.vector;
  });
  if (!is_shared) {
    if (!setup.resumes) store_shared_word(word, 0);
    vectors_[setup.vector].begin(word);
  }
  if (!setup.resumes) return;
  vectors_[setup.vector].resume();
  pending_vectors_ |= 1u << setup.vector;
}

// --- The slow half's calls ---

void EnaPort::create_completion_queue(const CompletionQueueSetup& setup) {
  if (setup.index >= completions_.size()) return;
  QueueState& state = states_[completion_state(setup.index)];
  if (!setup.resumes) state = {};
  completions_[setup.index].emplace(setup, state);
  completions_[setup.index]->set_memory(memory_.get());
  begin_vector(setup);
  note_active();
}

void EnaPort::create_submission_queue(const SubmissionQueueSetup& setup) {
  if (setup.index >= options_.queue_pairs) return;
  const bool is_transmit = setup.direction == Direction::kTransmit;
  QueueState& state = states_[is_transmit ? transmit_state(setup.index) : receive_state(setup.index)];
  std::uint8_t* const doorbell =
      doorbells_.data() + (is_transmit ? transmit_doorbell(setup.index) : receive_doorbell(setup.index));
  if (!setup.resumes) {
    state = {};
    store_shared_word(doorbell, 0);
  }
  if (is_transmit) {
    const std::size_t at = std::min(setup.index * kLowLatencyQueueBytes, low_latency_.size());
    const std::size_t bytes = std::min<std::size_t>(kLowLatencyQueueBytes, low_latency_.size() - at);
    transmit_[setup.index].emplace(setup, state, doorbell, low_latency_.subspan(at, bytes));
    transmit_[setup.index]->set_memory(memory_.get());
  } else {
    if (setup.resumes && setup.completion_queue < completions_.size()) {
      // The side before may have died after it told of a frame, and before it noted the buffers as taken.
      const std::uint32_t told = states_[completion_state(setup.completion_queue)].consumed;
      if (((told - state.consumed) & 0xffff) <= kReceiveDescriptorsMax) state.consumed = told;
    }
    receive_[setup.index].emplace(setup, state, doorbell);
    receive_[setup.index]->set_memory(memory_.get());
  }
  note_active();
}

void EnaPort::destroy_completion_queue(std::uint16_t index) {
  if (index < completions_.size()) completions_[index].reset();
  note_active();
}

void EnaPort::destroy_submission_queue(Direction direction, std::uint16_t index) {
  if (index >= kQueuePairsMax) return;
  if (direction == Direction::kTransmit) {
    transmit_[index].reset();
  } else {
    receive_[index].reset();
  }
  note_active();
}

// A queue without its completion queue waits.
void EnaPort::note_active() {
  active_count_ = 0;
  for (const auto& queue : transmit_) {
    if (!queue || queue->setup().completion_queue >= completions_.size()) continue;
    const auto& completions = completions_[queue->setup().completion_queue];
    if (!completions || completions->setup().entry_bytes != CompletionQueue::kTransmitEntryBytes) continue;
    active_[active_count_++] = queue->setup().index;
  }
  next_active_ = 0;
}

void EnaPort::set_receive_steering(const ReceiveSteering& steering) { steerer_.emplace(steering); }

void EnaPort::set_mtu(std::uint32_t mtu) { mtu_ = std::min(mtu, kMtuMax); }

void EnaPort::set_memory(std::shared_ptr<const pci::GuestMemory> memory) {
  for (auto& queue : transmit_)
    if (queue) queue->set_memory(memory.get());
  for (auto& queue : receive_)
    if (queue) queue->set_memory(memory.get());
  for (auto& queue : completions_)
    if (queue) queue->set_memory(memory.get());
  memory_ = std::move(memory);
}

// The link, the interrupts' receivers and the guest's memory are not the queues'.
void EnaPort::reset() {
  const auto is_there = [](const auto& queue) { return queue.has_value(); };
  if (std::ranges::any_of(transmit_, is_there) || std::ranges::any_of(receive_, is_there)) ++resets_;
  for (auto& queue : transmit_) queue.reset();
  for (auto& queue : receive_) queue.reset();
  for (auto& queue : completions_) queue.reset();
  for (Vector& vector : vectors_) vector.begin(nullptr);
  steerer_.reset();
  mtu_ = options_.mtu;
  broken_because_ = nullptr;
  note_active();
}

void EnaPort::break_because(const char* reason) {
  broken_because_ = reason;
  ++times_broken_;
}

void EnaPort::set_allowances(card::AllowanceSource* source) {
  if (allowances_ != nullptr) last_allowances_ = allowances_->allowances();
  allowances_ = source;
}

DataPathStatistics EnaPort::statistics() {
  DataPathStatistics sum;
  sum.transmit = transmit_counts_;
  sum.receive = receive_counts_;
  // The card shapes no bandwidth and no packet rate, so those two are what they are: 0.
  const card::Allowances allowances = allowances_ != nullptr ? allowances_->allowances() : last_allowances_;
  sum.allowances.connections_exceeded = allowances.connections_exceeded;
  sum.allowances.connections_available = allowances.connections_available;
  sum.allowances.link_local_exceeded = allowances.link_local_exceeded;
  sum.srd = {.flags = allowances.express.mode,
             .tx_pkts = allowances.express.tx_pkts,
             .eligible_tx_pkts = allowances.express.eligible_tx_pkts,
             .rx_pkts = allowances.express.rx_pkts,
             .resource_utilization = allowances.express.resource_utilization};
  for (const QueueStatistics& queue : transmit_counts_) {
    sum.transmitted_packets += queue.packets;
    sum.transmitted_bytes += queue.bytes;
    sum.transmit_drops += queue.drops;
  }
  for (const QueueStatistics& queue : receive_counts_) {
    sum.received_packets += queue.packets;
    sum.received_bytes += queue.bytes;
    sum.receive_drops += queue.drops;
    sum.receive_overruns += queue.overruns;
  }
  sum.is_broken = is_broken();
  sum.broken_because = is_broken() ? broken_because_ : "";
  return sum;
}

}  // namespace enid::devices::ena
