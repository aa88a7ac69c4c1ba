#include "devices/ena/queue_table.h"

#include <algorithm>
#include <bit>
#include <span>

namespace enid::devices::ena {
namespace {

constexpr std::uint16_t kTransmitCompletionBytes = 8;
constexpr std::uint16_t kReceiveCompletionBytes = 16;
constexpr std::uint32_t kNoVectorWord = 0xffff'ffff;

// ena_admin_sq_direction, ena_admin_placement_policy_type
constexpr unsigned kDirectionTransmit = 1;
constexpr unsigned kDirectionReceive = 2;
constexpr unsigned kPlacementHost = 1;
constexpr unsigned kPlacementDevice = 3;

bool is_depth(std::uint16_t depth) {
  return std::has_single_bit(depth) && depth >= kDepthMin && depth <= kDepthMax;
}

std::optional<Direction> direction_of(std::uint8_t identity) {
  if (identity >> 5 == kDirectionTransmit) return Direction::kTransmit;
  if (identity >> 5 == kDirectionReceive) return Direction::kReceive;
  return std::nullopt;
}

// The lowest free index.
template <class Queue>
std::optional<std::uint16_t> free_index(std::span<const std::optional<Queue>> queues) {
  const auto found = std::ranges::find_if(queues, [](const auto& queue) { return !queue.has_value(); });
  if (found == queues.end()) return std::nullopt;
  return static_cast<std::uint16_t>(found - queues.begin());
}

template <class Queues>
std::size_t count(const Queues& queues) {
  return static_cast<std::size_t>(
      std::ranges::count_if(queues, [](const auto& queue) { return queue.has_value(); }));
}

}  // namespace

AdminStatus QueueTable::create_completion_queue(const AdminCommand& command, AdminAnswer& answer) {
  const bool is_by_interrupt = (command.bytes[4] >> 5 & 1) != 0;
  const unsigned entry_words = command.bytes[5] & 0x1f;
  const auto vector = command.load<std::uint32_t>(8);
  CompletionQueueSetup setup{.depth = command.load<std::uint16_t>(6),
                             .entry_bytes = static_cast<std::uint16_t>(entry_words * 4),
                             .address = command.address(12)};
  if (!is_depth(setup.depth)) return AdminStatus::kIllegalParameter;
  if (setup.entry_bytes != kTransmitCompletionBytes && setup.entry_bytes != kReceiveCompletionBytes) {
    return AdminStatus::kIllegalParameter;
  }
  if (is_by_interrupt && vector != kNoVectorWord && vector != kNoVector) {
    if (vector >= options_.vectors) return AdminStatus::kIllegalParameter;
    setup.vector = static_cast<std::uint16_t>(vector);
  }
  const std::span<const std::optional<CompletionQueueSetup>> all(completions_);
  const auto index = free_index(all.first(std::size_t{2} * options_.queue_pairs));
  if (!index) return AdminStatus::kNoResources;
  setup.index = *index;
  completions_[setup.index] = setup;
  data_path_.create_completion_queue(setup);

  const std::uint32_t unmask = setup.vector == kNoVector ? kUnusedUnmaskWord : unmask_word(setup.vector);
  answer.store(0, setup.index);
  answer.store(2, setup.depth);
  answer.store<std::uint32_t>(4, 0);  // No register for the NUMA node.
  answer.store(8, static_cast<std::uint32_t>(kDoorbellPageOffset) + completion_head(setup.index));
  answer.store(12, static_cast<std::uint32_t>(kDoorbellPageOffset) + unmask);
  return AdminStatus::kSuccess;
}

AdminStatus QueueTable::destroy_completion_queue(const AdminCommand& command) {
  const auto index = command.load<std::uint16_t>(4);
  if (index >= completions_.size() || !completions_[index]) return AdminStatus::kIllegalParameter;
  if (is_in_use(index)) return AdminStatus::kBusy;
  completions_[index].reset();
  data_path_.destroy_completion_queue(index);
  return AdminStatus::kSuccess;
}

bool QueueTable::is_in_use(std::uint16_t completion_queue) const {
  const auto uses = [&](const std::optional<SubmissionQueueSetup>& queue) {
    return queue && queue->completion_queue == completion_queue;
  };
  return std::ranges::any_of(transmit_, uses) || std::ranges::any_of(receive_, uses);
}

AdminStatus QueueTable::check(const SubmissionQueueSetup& setup) const {
  if (!is_depth(setup.depth)) return AdminStatus::kIllegalParameter;
  if (setup.completion_queue >= completions_.size() || !completions_[setup.completion_queue]) {
    return AdminStatus::kIllegalParameter;
  }
  const CompletionQueueSetup& completions = *completions_[setup.completion_queue];
  const std::uint16_t entry_bytes =
      setup.direction == Direction::kTransmit ? kTransmitCompletionBytes : kReceiveCompletionBytes;
  if (completions.entry_bytes != entry_bytes || completions.depth < setup.depth) {
    return AdminStatus::kIllegalParameter;
  }
  return is_in_use(setup.completion_queue) ? AdminStatus::kBusy : AdminStatus::kSuccess;
}

AdminStatus QueueTable::create_submission_queue(const AdminCommand& command, AdminAnswer& answer,
                                                bool low_latency) {
  const auto direction = direction_of(command.bytes[4]);
  const unsigned placement = command.bytes[6] & 0xf;
  const unsigned completion_policy = command.bytes[6] >> 4 & 7;
  const bool is_contiguous = (command.bytes[7] & 1) != 0;
  if (!direction || completion_policy != 0) return AdminStatus::kIllegalParameter;
  const bool is_low_latency = placement == kPlacementDevice;
  if (is_low_latency) {
    if (!low_latency || *direction != Direction::kTransmit) return AdminStatus::kIllegalParameter;
  } else if (placement != kPlacementHost || !is_contiguous) {
    return AdminStatus::kIllegalParameter;
  }
  SubmissionQueueSetup setup{.direction = *direction,
                             .placement = is_low_latency ? Placement::kLowLatency : Placement::kHost,
                             .depth = command.load<std::uint16_t>(10),
                             .address = is_low_latency ? 0 : command.address(12),
                             .completion_queue = command.load<std::uint16_t>(8)};
  if (const AdminStatus status = check(setup); status != AdminStatus::kSuccess) return status;
  SubmissionQueues& mine = queues(*direction);
  const std::span<const std::optional<SubmissionQueueSetup>> all(mine);
  const auto index = free_index(all.first(options_.queue_pairs));
  if (!index) return AdminStatus::kNoResources;
  setup.index = *index;
  mine[setup.index] = setup;
  data_path_.create_submission_queue(setup);

  const std::uint32_t doorbell =
      *direction == Direction::kTransmit ? transmit_doorbell(setup.index) : receive_doorbell(setup.index);
  answer.store(0, setup.index);
  answer.store(4, static_cast<std::uint32_t>(kDoorbellPageOffset) + doorbell);
  if (is_low_latency) {
    // Headers lie in the entries, so there is no ring of headers.
    answer.store(8, static_cast<std::uint32_t>(setup.index * kLowLatencyQueueBytes));
    answer.store<std::uint32_t>(12, 0);
  }
  return AdminStatus::kSuccess;
}

AdminStatus QueueTable::destroy_submission_queue(const AdminCommand& command) {
  const auto index = command.load<std::uint16_t>(4);
  const auto direction = direction_of(command.bytes[6]);
  if (!direction || index >= kQueuePairsMax) return AdminStatus::kIllegalParameter;
  auto& queue = queues(*direction)[index];
  if (!queue) return AdminStatus::kIllegalParameter;
  queue.reset();
  data_path_.destroy_submission_queue(*direction, index);
  return AdminStatus::kSuccess;
}

void QueueTable::forget_all() {
  completions_ = {};
  transmit_ = {};
  receive_ = {};
}

void QueueTable::resume() {
  for (const auto& queue : completions_) {
    if (!queue) continue;
    CompletionQueueSetup setup = *queue;
    setup.resumes = true;
    data_path_.create_completion_queue(setup);
  }
  for (const Direction direction : {Direction::kTransmit, Direction::kReceive}) {
    for (const auto& queue : queues(direction)) {
      if (!queue) continue;
      SubmissionQueueSetup setup = *queue;
      setup.resumes = true;
      data_path_.create_submission_queue(setup);
    }
  }
}

std::size_t QueueTable::submission_queues(Direction direction) const { return count(queues(direction)); }
std::size_t QueueTable::completion_queues() const { return count(completions_); }

}  // namespace enid::devices::ena
