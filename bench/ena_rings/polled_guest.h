// PolledGuest: one queue pair of a guest with an ENA device, whose driver costs next to nothing: it is not
// what is measured.
//
//   Rings, buffers and doorbells are real and lie in memory that the port knows only as a guest's. Packets
//   to be sent lie ready, one buffer a flow; received buffers are posted again as they come.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "devices/ena/ring_driver.h"

namespace enid::bench {

class PolledGuest {
 public:
  static constexpr std::uint16_t kDepth = devices::ena::kDepthMax;
  static constexpr std::uint32_t kBufferBytes = 2048;
  static constexpr std::size_t kStride = 64;

  // `packets`: one every kStride bytes, each `packet_bytes` long.
  PolledGuest(std::span<const std::uint8_t> packets, std::size_t packet_bytes,
              devices::ena::Placement placement);

  devices::ena::EnaPort& port() { return *driver_.port; }

  // Offers the next `count` packets, with one doorbell. The ring must have room.
  void send(std::size_t count);
  // Looks at the transmit completions; answers how many there were.
  std::size_t collect_sent();
  // Takes what arrived and posts its buffers again, then unmasks; answers how many frames there were.
  std::size_t collect_received();
  // The bytes of the frame that arrived last.
  ConstBytes last_frame() const { return last_frame_; }
  std::uint64_t interrupts() const { return interrupts_->raised; }

 private:
  // What an interrupt costs the card: a write to an eventfd that somebody else reads.
  struct EventDescriptor final : pci::Interrupt {
    EventDescriptor();
    ~EventDescriptor() override;
    void raise() override;
    int fd;
    std::uint64_t raised = 0;
  };

  devices::ena::RingDriver driver_;
  std::shared_ptr<EventDescriptor> interrupts_ = std::make_shared<EventDescriptor>();
  std::size_t packet_bytes_;
  devices::ena::Placement placement_;
  std::vector<std::uint8_t> packets_;  // Of low-latency queues, whose packets are pushed.
  std::uint64_t packets_at_ = 0;
  std::size_t packets_count_;
  std::size_t next_packet_ = 0;
  std::uint64_t buffers_at_ = 0;
  ConstBytes last_frame_;
};

}  // namespace enid::bench
