// RemoteDataPath: a data path in another process, as the slow half sees it.
//
// Theory of operation
//   Each call is a message over a channel and returns with its answer (data_path_message.h). Of the guest's
//   memory only what has changed since the last picture is told. While there is no other side, calls are
//   forgotten: when a new one is there, the owner calls begin_anew() and has the controller tell all
//   (Controller::resume_data_path()). A queue that is made meanwhile will be "resumed" then, from a progress
//   and a doorbell that are set to zero here. A new other side counts from zero, so what the old ones
//   counted is added here.
//
// Invariants
//   (1) After a call that found no other side, none of the calls reaches one until begin_anew().
//   (2) Who is the other side writes nothing any more once the channel has said that it is gone.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "devices/ena/data_path_message.h"

namespace enid::devices::ena {

using PassedDescriptors = std::span<const std::shared_ptr<const pci::Descriptor>>;

// Carries messages to the other side and back.
class DataPathChannel {
 public:
  virtual ~DataPathChannel() = default;
  // Waits for the answer. Empty: there is no other side, or it has gone, or it refused.
  virtual std::optional<DataPathMessage> exchange(const DataPathMessage& message,
                                                  PassedDescriptors descriptors) = 0;
};

class RemoteDataPath final : public DataPath {
 public:
  // The channel, and the memory that the other side shares, outlive the data path. Without another side until
  // begin_anew().
  RemoteDataPath(DataPathChannel& channel, Bytes doorbell_page, std::span<QueueState> states);

  void begin_anew();
  bool is_connected() const { return is_connected_; }

  void create_completion_queue(const CompletionQueueSetup& setup) override;
  void create_submission_queue(const SubmissionQueueSetup& setup) override;
  void destroy_completion_queue(std::uint16_t index) override { tell(CompletionQueueEnd{index}); }
  void destroy_submission_queue(Direction direction, std::uint16_t index) override {
    tell(SubmissionQueueEnd{direction, index});
  }
  void set_receive_steering(const ReceiveSteering& steering) override { tell(steering); }
  void set_mtu(std::uint32_t mtu) override { tell(MtuChange{mtu}); }
  void set_link(bool is_up) override { tell(Link{is_up}); }
  void set_memory(std::shared_ptr<const pci::GuestMemory> memory) override;
  void set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) override;
  void reset() override { tell(Reset{}); }
  DataPathStatistics statistics() override;

 private:
  class MemoryTeller;

  std::optional<DataPathMessage> tell(const DataPathMessage& message, PassedDescriptors descriptors = {});

  DataPathChannel& channel_;
  Bytes doorbells_;
  std::span<QueueState> states_;
  bool is_connected_ = false;
  std::shared_ptr<const pci::GuestMemory> told_memory_;
  std::map<std::uint64_t, std::uint32_t> told_files_;  // By identity.
  std::uint32_t next_file_ = 1;
  DataPathStatistics before_;  // What earlier sides have counted.
  DataPathStatistics latest_;  // Of this one.
  std::string broken_because_;
};

}  // namespace enid::devices::ena
