// CardThreadDataPath: an ENA device's rings, changed from the devices' thread, used by the card's.
//
//   Each call runs between two rounds of the card's thread and has happened when it returns, which is what
//   DataPath promises: after set_memory() the card touches nothing of the picture before.
#pragma once

#include <memory>
#include <utility>

#include "devices/ena/ena_port.h"
#include "host/card_worker.h"

namespace enid::instances {

class CardThreadDataPath final : public devices::ena::DataPath {
 public:
  CardThreadDataPath(host::CardWorker& worker, std::shared_ptr<devices::ena::EnaPort> port)
      : worker_(worker), port_(std::move(port)) {}

  void create_completion_queue(const devices::ena::CompletionQueueSetup& setup) override {
    worker_.run([&] { port_->create_completion_queue(setup); });
  }
  void create_submission_queue(const devices::ena::SubmissionQueueSetup& setup) override {
    worker_.run([&] { port_->create_submission_queue(setup); });
  }
  void destroy_completion_queue(std::uint16_t index) override {
    worker_.run([&] { port_->destroy_completion_queue(index); });
  }
  void destroy_submission_queue(devices::ena::Direction direction, std::uint16_t index) override {
    worker_.run([&] { port_->destroy_submission_queue(direction, index); });
  }
  void set_receive_steering(const devices::ena::ReceiveSteering& steering) override {
    worker_.run([&] { port_->set_receive_steering(steering); });
  }
  void set_mtu(std::uint32_t mtu) override {
    worker_.run([&] { port_->set_mtu(mtu); });
  }
  void set_link(bool is_up) override {
    worker_.run([&] { port_->set_link(is_up); });
  }
  void set_memory(std::shared_ptr<const pci::GuestMemory> memory) override {
    worker_.run([&] { port_->set_memory(std::move(memory)); });
  }
  void set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) override {
    worker_.run([&] { port_->set_interrupt(vector, std::move(interrupt)); });
  }
  void reset() override {
    worker_.run([&] { port_->reset(); });
  }
  devices::ena::DataPathStatistics statistics() override {
    devices::ena::DataPathStatistics statistics;
    worker_.run([&] { statistics = port_->statistics(); });
    return statistics;
  }

 private:
  host::CardWorker& worker_;
  std::shared_ptr<devices::ena::EnaPort> port_;
};

}  // namespace enid::instances
