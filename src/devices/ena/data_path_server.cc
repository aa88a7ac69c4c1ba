#include "devices/ena/data_path_server.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "devices/ena/completion_queue.h"

namespace enid::devices::ena {
namespace {

std::unexpected<Error> nonsense(const char* what) {
  return failure(std::make_error_code(std::errc::protocol_error), what);
}

bool is_depth(std::uint16_t depth) {
  return std::has_single_bit(depth) && depth >= kDepthMin && depth <= kDepthMax;
}

std::uint16_t entry_bytes_of(Direction direction) {
  return direction == Direction::kTransmit ? CompletionQueue::kTransmitEntryBytes
                                           : CompletionQueue::kReceiveEntryBytes;
}

}  // namespace

Result<DataPathMessage> DataPathServer::on_message(const DataPathMessage& message, Descriptors descriptors) {
  if (descriptors.size() != descriptors_of(message))
    return nonsense("a message without the descriptors that it speaks of, or with others");
  return std::visit([&](const auto& body) { return on(body, descriptors); }, message);
}

template <class Other>
Result<DataPathMessage> DataPathServer::on(const Other&, Descriptors&) {
  return nonsense("a message out of place");
}

bool DataPathServer::is_in_use(std::uint16_t completion_queue) const {
  const auto uses = [&](const std::optional<SubmissionQueueSetup>& queue) {
    return queue && queue->completion_queue == completion_queue;
  };
  return std::ranges::any_of(transmit_, uses) || std::ranges::any_of(receive_, uses);
}

Result<DataPathMessage> DataPathServer::on(const CompletionQueueSetup& setup, Descriptors&) {
  if (setup.index >= 2 * limits_.queue_pairs || completions_[setup.index])
    return nonsense("a completion queue that cannot be made, or is there");
  if (!is_depth(setup.depth) || (setup.entry_bytes != CompletionQueue::kTransmitEntryBytes &&
                                 setup.entry_bytes != CompletionQueue::kReceiveEntryBytes))
    return nonsense("a completion queue of a wrong size");
  if (setup.vector != kNoVector && setup.vector > limits_.queue_pairs)
    return nonsense("a completion queue with a vector that is not there");
  completions_[setup.index] = setup;
  data_path_.create_completion_queue(setup);
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const SubmissionQueueSetup& setup, Descriptors&) {
  if (setup.index >= limits_.queue_pairs || queues(setup.direction)[setup.index])
    return nonsense("a submission queue that cannot be made, or is there");
  if (!is_depth(setup.depth)) return nonsense("a submission queue of a wrong size");
  if (setup.completion_queue >= completions_.size() || !completions_[setup.completion_queue])
    return nonsense("a submission queue without its completion queue");
  const CompletionQueueSetup& completions = *completions_[setup.completion_queue];
  if (completions.entry_bytes != entry_bytes_of(setup.direction) || completions.depth < setup.depth ||
      is_in_use(setup.completion_queue))
    return nonsense("a submission queue that does not fit its completion queue");
  if (setup.placement == Placement::kLowLatency &&
      (!limits_.low_latency || setup.direction != Direction::kTransmit))
    return nonsense("a low-latency queue where none can be");
  queues(setup.direction)[setup.index] = setup;
  data_path_.create_submission_queue(setup);
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const CompletionQueueEnd& end, Descriptors&) {
  if (end.index >= completions_.size() || !completions_[end.index] || is_in_use(end.index))
    return nonsense("the end of a completion queue that is not there, or in use");
  completions_[end.index].reset();
  data_path_.destroy_completion_queue(end.index);
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const SubmissionQueueEnd& end, Descriptors&) {
  if (end.index >= kQueuePairsMax || !queues(end.direction)[end.index])
    return nonsense("the end of a submission queue that is not there");
  queues(end.direction)[end.index].reset();
  data_path_.destroy_submission_queue(end.direction, end.index);
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const ReceiveSteering& steering, Descriptors&) {
  if (std::ranges::any_of(steering.table, [&](std::uint16_t queue) { return queue >= kQueuePairsMax; }))
    return nonsense("a steering table with a queue that is not there");
  data_path_.set_receive_steering(steering);
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const MtuChange& change, Descriptors&) {
  if (change.mtu > kMtuMax) return nonsense("an MTU that is too large");
  data_path_.set_mtu(change.mtu);
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const Link& link, Descriptors&) {
  data_path_.set_link(link.is_up);
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const MemoryChange& change, Descriptors& descriptors) {
  for (const MemoryChange::Gone& gone : change.gone) TRY(memory_.unmap(gone.address, gone.size));
  for (const std::uint32_t file : change.gone_files) files_.erase(file);
  for (std::size_t i = 0; i < change.new_files.size(); ++i) {
    if (files_.size() >= kFilesMax) return nonsense("too many files of memory");
    if (!files_.emplace(change.new_files[i], std::move(descriptors[i])).second)
      return nonsense("a file of memory with the number of another");
  }
  for (const MemoryChange::Range& range : change.come) {
    const auto file = files_.find(range.file);
    if (file == files_.end()) return nonsense("memory of a file that is not there");
    TRY(memory_.map({range.address, range.size, range.readable, range.writable, range.file_offset},
                    file->second.get()));
  }
  if (change.is_last) data_path_.set_memory(memory_.picture());
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const InterruptChange& change, Descriptors& descriptors) {
  if (change.vector > limits_.queue_pairs) return nonsense("a vector that is not there");
  std::shared_ptr<pci::Interrupt> interrupt;
  if (change.has_event) {
    interrupt = descriptors_.interrupt(std::move(descriptors.front()));
    if (interrupt == nullptr) return nonsense("an interrupt's descriptor that is no eventfd");
  }
  data_path_.set_interrupt(change.vector, std::move(interrupt));
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const Reset&, Descriptors&) {
  completions_ = {};
  transmit_ = {};
  receive_ = {};
  data_path_.reset();
  return Done{};
}

Result<DataPathMessage> DataPathServer::on(const StatisticsQuestion&, Descriptors&) {
  const DataPathStatistics statistics = data_path_.statistics();
  return StatisticsAnswer{statistics, statistics.broken_because};
}

}  // namespace enid::devices::ena
