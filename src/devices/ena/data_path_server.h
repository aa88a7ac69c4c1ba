// DataPathServer: judges what a device's process asks of a data path, and has it done.
//
// Theory of operation
//   The process that has the slow half may be anybody's, so what it promises as a DataPath's caller
//   (data_path.h) is checked here again: nothing comes through but what the controller could have asked. Its
//   files are mapped by the DescriptorUser that the owner gives, which should take only such files as cannot
//   shrink. The first message that makes no sense is an error: the owner ends the connection.
//
// Invariants
//   (1) No message reaches a CHECK of the data path. (2) A message is carried out whole or not at all, but
//   for the changes of a picture, which count together with the last of them.
//   (3) At most kFilesMax files, and DmaTable::kRangesMax ranges, are kept.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "devices/ena/data_path_message.h"
#include "pci/dma_table.h"

namespace enid::devices::ena {

class DataPathServer {
 public:
  static constexpr std::size_t kFilesMax = 64;
  using Descriptors = std::vector<std::unique_ptr<pci::Descriptor>>;

  // Both outlive the server; `data_path` was made for `limits`.
  DataPathServer(const Begin& limits, DataPath& data_path, pci::DescriptorUser& descriptors)
      : limits_(limits), data_path_(data_path), descriptors_(descriptors), memory_(descriptors) {}

  // The answer. An error, for people: the other side breaks the rules.
  Result<DataPathMessage> on_message(const DataPathMessage& message, Descriptors descriptors);

 private:
  Result<DataPathMessage> on(const CompletionQueueSetup& setup, Descriptors& descriptors);
  Result<DataPathMessage> on(const SubmissionQueueSetup& setup, Descriptors& descriptors);
  Result<DataPathMessage> on(const CompletionQueueEnd& end, Descriptors& descriptors);
  Result<DataPathMessage> on(const SubmissionQueueEnd& end, Descriptors& descriptors);
  Result<DataPathMessage> on(const ReceiveSteering& steering, Descriptors& descriptors);
  Result<DataPathMessage> on(const MtuChange& change, Descriptors& descriptors);
  Result<DataPathMessage> on(const Link& link, Descriptors& descriptors);
  Result<DataPathMessage> on(const MemoryChange& change, Descriptors& descriptors);
  Result<DataPathMessage> on(const InterruptChange& change, Descriptors& descriptors);
  Result<DataPathMessage> on(const Reset& reset, Descriptors& descriptors);
  Result<DataPathMessage> on(const StatisticsQuestion& question, Descriptors& descriptors);
  template <class Other>
  Result<DataPathMessage> on(const Other& message, Descriptors& descriptors);

  using SubmissionQueues = std::array<std::optional<SubmissionQueueSetup>, kQueuePairsMax>;
  SubmissionQueues& queues(Direction direction) {
    return direction == Direction::kTransmit ? transmit_ : receive_;
  }
  bool is_in_use(std::uint16_t completion_queue) const;

  const Begin limits_;
  DataPath& data_path_;
  pci::DescriptorUser& descriptors_;
  pci::DmaTable memory_;
  std::map<std::uint32_t, std::unique_ptr<pci::Descriptor>> files_;
  std::array<std::optional<CompletionQueueSetup>, kCompletionQueuesMax> completions_;
  SubmissionQueues transmit_;
  SubmissionQueues receive_;
};

}  // namespace enid::devices::ena
