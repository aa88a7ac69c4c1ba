// FakeDataPath: a data path for tests of the slow half: it writes down what it is told, moves nothing, and
// insists on what it was promised (data_path.h, invariant 2).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "devices/ena/data_path.h"

namespace enid::devices::ena {

class FakeDataPath final : public DataPath {
 public:
  std::vector<std::string> calls;  // Those that make and destroy.
  std::vector<CompletionQueueSetup> completions;
  std::vector<SubmissionQueueSetup> submissions;
  ReceiveSteering steering;
  std::uint32_t mtu = 0;
  bool is_link_up = false;
  std::shared_ptr<const pci::GuestMemory> memory;
  std::array<std::shared_ptr<pci::Interrupt>, kVectorsMax> interrupts;
  DataPathStatistics counts;

  std::vector<std::string> take_calls() { return std::exchange(calls, {}); }

  void create_completion_queue(const CompletionQueueSetup& setup) override {
    CHECK(setup.index < kCompletionQueuesMax && !has_completions_[setup.index]);
    CHECK(is_depth(setup.depth));
    CHECK(setup.entry_bytes == 8 || setup.entry_bytes == 16);
    CHECK(setup.vector == kNoVector || setup.vector < kVectorsMax);
    has_completions_[setup.index] = true;
    completions.push_back(setup);
    calls.push_back("create completion queue " + std::to_string(setup.index) + " depth " +
                    std::to_string(setup.depth) + " entry " + std::to_string(setup.entry_bytes) +
                    (setup.vector == kNoVector ? " polled" : " vector " + std::to_string(setup.vector)) +
                    (setup.resumes ? " resumes" : ""));
  }
  void create_submission_queue(const SubmissionQueueSetup& setup) override {
    CHECK(setup.index < kQueuePairsMax && !queue(setup.direction, setup.index));
    CHECK(is_depth(setup.depth));
    CHECK(setup.completion_queue < kCompletionQueuesMax && has_completions_[setup.completion_queue]);
    CHECK(setup.placement == Placement::kHost || setup.direction == Direction::kTransmit);
    queue(setup.direction, setup.index) = true;
    submissions.push_back(setup);
    calls.push_back("create " + name(setup.direction) + " queue " + std::to_string(setup.index) + " depth " +
                    std::to_string(setup.depth) + " completes to " + std::to_string(setup.completion_queue) +
                    (setup.placement == Placement::kLowLatency ? " low latency" : "") +
                    (setup.resumes ? " resumes" : ""));
  }
  void destroy_completion_queue(std::uint16_t index) override {
    CHECK(std::exchange(has_completions_.at(index), false));
    calls.push_back("destroy completion queue " + std::to_string(index));
  }
  void destroy_submission_queue(Direction direction, std::uint16_t index) override {
    CHECK(std::exchange(queue(direction, index), false));
    calls.push_back("destroy " + name(direction) + " queue " + std::to_string(index));
  }
  void set_receive_steering(const ReceiveSteering& to) override {
    for (const std::uint16_t entry : to.table) CHECK(entry < kQueuePairsMax);
    steering = to;
  }
  void set_mtu(std::uint32_t to) override {
    CHECK(to <= kMtuMax);
    mtu = to;
  }
  void set_link(bool is_up) override { is_link_up = is_up; }
  void set_memory(std::shared_ptr<const pci::GuestMemory> to) override { memory = std::move(to); }
  void set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) override {
    interrupts.at(vector) = std::move(interrupt);
  }
  void reset() override {
    calls.emplace_back("reset");
    has_completions_ = {};
    has_transmit_ = {};
    has_receive_ = {};
    counts.is_broken = false;
  }
  DataPathStatistics statistics() override { return counts; }

 private:
  static bool is_depth(std::uint16_t depth) {
    return std::has_single_bit(depth) && depth >= kDepthMin && depth <= kDepthMax;
  }
  bool& queue(Direction direction, std::uint16_t index) {
    return (direction == Direction::kTransmit ? has_transmit_ : has_receive_).at(index);
  }
  static std::string name(Direction direction) {
    return direction == Direction::kTransmit ? "transmit" : "receive";
  }

  std::array<bool, kCompletionQueuesMax> has_completions_{};
  std::array<bool, kQueuePairsMax> has_transmit_{};
  std::array<bool, kQueuePairsMax> has_receive_{};
};

}  // namespace enid::devices::ena
