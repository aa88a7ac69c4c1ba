// FakeDataPath: a data path for tests of the slow half: it writes down what it is told, and moves nothing.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

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
    completions.push_back(setup);
    calls.push_back("create completion queue " + std::to_string(setup.index) + " depth " +
                    std::to_string(setup.depth) + " entry " + std::to_string(setup.entry_bytes) +
                    (setup.vector == kNoVector ? " polled" : " vector " + std::to_string(setup.vector)) +
                    (setup.resumes ? " resumes" : ""));
  }
  void create_submission_queue(const SubmissionQueueSetup& setup) override {
    submissions.push_back(setup);
    calls.push_back("create " + name(setup.direction) + " queue " + std::to_string(setup.index) + " depth " +
                    std::to_string(setup.depth) + " completes to " + std::to_string(setup.completion_queue) +
                    (setup.placement == Placement::kLowLatency ? " low latency" : "") +
                    (setup.resumes ? " resumes" : ""));
  }
  void destroy_completion_queue(std::uint16_t index) override {
    calls.push_back("destroy completion queue " + std::to_string(index));
  }
  void destroy_submission_queue(Direction direction, std::uint16_t index) override {
    calls.push_back("destroy " + name(direction) + " queue " + std::to_string(index));
  }
  void set_receive_steering(const ReceiveSteering& to) override { steering = to; }
  void set_mtu(std::uint32_t to) override { mtu = to; }
  void set_link(bool is_up) override { is_link_up = is_up; }
  void set_memory(std::shared_ptr<const pci::GuestMemory> to) override { memory = std::move(to); }
  void set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) override {
    interrupts.at(vector) = std::move(interrupt);
  }
  void reset() override {
    calls.emplace_back("reset");
    counts.is_broken = false;
  }
  DataPathStatistics statistics() override { return counts; }

 private:
  static std::string name(Direction direction) {
    return direction == Direction::kTransmit ? "transmit" : "receive";
  }
};

}  // namespace enid::devices::ena
