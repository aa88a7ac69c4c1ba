// EnaPort: the fast half of an ENA device: the guest's rings on one side, the card's door on the other.
//
// Theory of operation
//   receive() polls the doorbells of the transmit queues, one queue after the other and each batch from the
//   next one on, copies packets into the port's arena, and completes them at once. transmit() chooses a
//   receive queue, cuts super-frames into what the guest's MTU takes, finishes checksums, and copies frames
//   into posted buffers. Both raise interrupts at their end, one a vector at most; on_time() raises those
//   that the driver wants later. The slow half (DataPath's caller) makes and takes away queues, on the same
//   thread.
//
// Invariants
//   (1) A guest that breaks a rule of the rings breaks its own port only: it carries nothing until reset().
//   (2) Guest memory is read once; the arena's bytes are the port's.
//   (3) The arena is kArenaBytes; a batch looks at most at as many packets as the caller has room for.
//   (4) has_work() is a load a queue.
//
// Chosen: with merges_segments the guest gets as many segments of a TCP super-frame in one frame as its
//   MTU takes, since bringing frames is what costs under emulation. It is off unless asked for: a guest that
//   forwards to a network of a smaller MTU needs them apart, and iPXE takes no frame of two buffers. While
//   the link is down, packets are taken and dropped.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "card/ports/polled_port.h"
#include "devices/ena/completion_queue.h"
#include "devices/ena/data_path.h"
#include "devices/ena/receive_queue.h"
#include "devices/ena/receive_steerer.h"
#include "devices/ena/transmit_queue.h"
#include "devices/ena/vector.h"

namespace enid::devices::ena {

struct EnaPortOptions {
  std::uint16_t queue_pairs = kQueuePairsMax;
  std::uint32_t mtu = 9001;
  bool merges_segments = false;
};

class EnaPort final : public DataPath, public card::PolledPort {
 public:
  static constexpr std::size_t kArenaBytes = 336 * 1024;

  // Memory that outlives the port: the doorbell page, BAR 2 (may be empty: no low-latency queues), and
  // kQueueStates states, which survive the port when queues are to be resumed.
  EnaPort(Bytes doorbell_page, Bytes low_latency_bar, std::span<QueueState> states,
          const EnaPortOptions& options);

  void on_time(Instant now) override;
  bool has_work() const override;
  Instant next_timeout() const override;
  std::size_t receive(std::span<card::Frame> frames) override;
  std::size_t transmit(std::span<const card::Frame> frames) override;
  void set_allowances(card::AllowanceSource* source) override;
  card::PortFacts facts() const override;
  std::optional<std::uint16_t> receive_queue_of(const card::Frame& frame) const override;

  void create_completion_queue(const CompletionQueueSetup& setup) override;
  void create_submission_queue(const SubmissionQueueSetup& setup) override;
  void destroy_completion_queue(std::uint16_t index) override;
  void destroy_submission_queue(Direction direction, std::uint16_t index) override;
  void set_receive_steering(const ReceiveSteering& steering) override;
  void set_mtu(std::uint32_t mtu) override;
  void set_link(bool is_up) override { is_link_up_ = is_up; }
  void set_memory(std::shared_ptr<const pci::GuestMemory> memory) override;
  void set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) override;
  void reset() override;
  DataPathStatistics statistics() override;

  bool is_broken() const { return broken_because_ != nullptr; }
  const QueueStatistics& transmit_statistics(std::uint16_t queue) const { return transmit_counts_[queue]; }
  const QueueStatistics& receive_statistics(std::uint16_t queue) const { return receive_counts_[queue]; }

 private:
  struct Arrival;

  // A batch in the making. Dropped packets were looked at too, so that they cannot hold the caller here.
  struct Batch {
    std::span<card::Frame> frames;
    std::size_t count = 0;
    std::size_t looked = 0;
  };

  void drain(TransmitQueue& queue, Batch& batch);
  inline bool keep(TransmitQueue::Outcome outcome, const TransmitPacket& packet, QueueStatistics& counts,
                   card::Frame& frame);
  inline bool complete(const TransmitQueue& queue, const TransmitPacket& packet);
  inline bool bring(const card::Frame& frame);
  inline bool bring_whole(const card::Frame& frame, Arrival& arrival);
  bool bring_segments(const card::Frame& frame, Arrival& arrival);
  bool put(std::span<const ConstBytes> parts, Arrival& arrival);
  std::size_t segment_bytes(const card::Frame& frame, const wire::FrameLayout& layout) const;
  std::uint16_t receive_index_for(std::uint32_t hash) const;
  ReceiveQueue* receive_queue_for(std::uint32_t hash);
  void drop_arrival(std::uint16_t queue) { ++receive_counts_[queue].drops; }
  void raise_due();
  void break_because(const char* reason);
  inline void note_completion(const CompletionQueue& completions, Direction direction);
  void begin_vector(const CompletionQueueSetup& setup);
  void note_active();

  Bytes doorbells_;
  Bytes low_latency_;
  std::span<QueueState> states_;
  EnaPortOptions options_;
  std::uint32_t mtu_;
  bool is_link_up_ = false;
  const char* broken_because_ = nullptr;
  std::uint32_t times_broken_ = 0;
  std::uint32_t resets_ = 0;  // That found queues.
  Instant now_;
  std::shared_ptr<const pci::GuestMemory> memory_;

  std::array<std::optional<TransmitQueue>, kQueuePairsMax> transmit_;
  std::array<std::optional<ReceiveQueue>, kQueuePairsMax> receive_;
  std::array<std::optional<CompletionQueue>, kCompletionQueuesMax> completions_;
  std::array<Vector, kVectorsMax> vectors_;
  std::uint32_t pending_vectors_ = 0;  // A bit each: those that poll() must look at.
  std::optional<ReceiveSteerer> steerer_;
  std::array<std::uint16_t, kQueuePairsMax> active_{};  // Transmit queues that can complete.
  std::size_t active_count_ = 0;
  std::size_t next_active_ = 0;

  std::array<QueueStatistics, kQueuePairsMax> transmit_counts_;
  std::array<QueueStatistics, kQueuePairsMax> receive_counts_;
  card::AllowanceSource* allowances_ = nullptr;  // While a card has this port.
  card::Allowances last_allowances_;             // Of the time when one had it.
  std::unique_ptr<std::uint8_t[]> arena_;
  std::size_t arena_used_ = 0;
};

}  // namespace enid::devices::ena
