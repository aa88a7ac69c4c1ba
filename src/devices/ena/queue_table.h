// QueueTable: which queues a driver has made, and the commands that make and destroy them.
//
// Theory of operation
//   A driver makes a completion queue, then the submission queue that completes to it. The device chooses
//   the indices (the lowest free one) and tells where the queue's words lie in the doorbell page. What passed
//   all checks goes to the data path, and is kept: when the data path begins anew, resume() tells it all
//   again.
//
// Invariants
//   (1) The data path sees only what its interface promises (data_path.h).
//   (2) A submission queue has a completion queue of its own, of the right entries, and not shorter.
//   (3) A completion queue in use is not destroyed.
//
//   Documented: ena_admin_defs.h (ena_admin_aq_create_cq_cmd and its neighbours). Observed: polled queues
//   come with interrupt mode off or vector 0xffffffff; ring addresses are aligned to 64 bytes only. Chosen:
//   (2)'s last words. Linux, DPDK and iPXE ask for equal depths.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "devices/ena/admin_command.h"
#include "devices/ena/controller_options.h"
#include "devices/ena/data_path.h"

namespace enid::devices::ena {

class QueueTable {
 public:
  QueueTable(const ControllerOptions& options, DataPath& data_path)
      : options_(options), data_path_(data_path) {}

  AdminStatus create_completion_queue(const AdminCommand& command, AdminAnswer& answer);
  AdminStatus destroy_completion_queue(const AdminCommand& command);
  // `low_latency`: the driver has agreed to the form of entries in BAR 2 (low_latency.h).
  AdminStatus create_submission_queue(const AdminCommand& command, AdminAnswer& answer, bool low_latency);
  AdminStatus destroy_submission_queue(const AdminCommand& command);

  // The data path has forgotten its queues already.
  void forget_all();
  // Makes all queues again in a data path that knows none.
  void resume();

  std::size_t submission_queues(Direction direction) const;
  std::size_t completion_queues() const;

 private:
  using SubmissionQueues = std::array<std::optional<SubmissionQueueSetup>, kQueuePairsMax>;

  SubmissionQueues& queues(Direction direction) {
    return direction == Direction::kTransmit ? transmit_ : receive_;
  }
  const SubmissionQueues& queues(Direction direction) const {
    return direction == Direction::kTransmit ? transmit_ : receive_;
  }
  bool is_in_use(std::uint16_t completion_queue) const;
  AdminStatus check(const SubmissionQueueSetup& setup) const;

  const ControllerOptions options_;
  DataPath& data_path_;
  std::array<std::optional<CompletionQueueSetup>, kCompletionQueuesMax> completions_;
  SubmissionQueues transmit_;
  SubmissionQueues receive_;
};

}  // namespace enid::devices::ena
