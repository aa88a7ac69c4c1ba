#include "bench/ena_rings/polled_guest.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>

#include "base/check.h"

namespace enid::bench {

using devices::ena::Placement;
using devices::ena::ReceiveCompletion;
using devices::ena::RingDriver;
using devices::ena::TransmitCompletion;
using devices::ena::TransmitDescriptor;

PolledGuest::EventDescriptor::EventDescriptor() : fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(fd >= 0);
}

PolledGuest::EventDescriptor::~EventDescriptor() { ::close(fd); }

void PolledGuest::EventDescriptor::raise() {
  const std::uint64_t one = 1;
  (void)!::write(fd, &one, sizeof one);
  ++raised;
}

PolledGuest::PolledGuest(std::span<const std::uint8_t> packets, std::size_t packet_bytes, Placement placement)
    : driver_({.queue_pairs = 1}),
      packet_bytes_(packet_bytes),
      placement_(placement),
      packets_(packets.begin(), packets.end()),
      packets_count_(packets.size() / kStride) {
  packets_at_ = driver_.allocate(packets.size());
  std::memcpy(driver_.at(packets_at_), packets.data(), packets.size());
  buffers_at_ = driver_.allocate(std::size_t{kDepth} * kBufferBytes);
  driver_.make_pair(0, kDepth, placement);
  driver_.port->set_interrupt(1, interrupts_);
  // A driver never posts the ring's last entry, or full and empty would look alike.
  for (std::uint16_t id = 0; id < kDepth - 1; ++id) {
    driver_.post_at(0, buffers_at_ + std::uint64_t{id} * kBufferBytes, kBufferBytes, id);
  }
  driver_.ring_receive(0);
  driver_.unmask(1);
}

void PolledGuest::send(std::size_t count) {
  RingDriver::Pair& pair = driver_.pairs.at(0);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t id = pair.next_id++ % kDepth;
    const std::size_t at = next_packet_ * kStride;
    if (++next_packet_ == packets_count_) next_packet_ = 0;
    TransmitDescriptor descriptor;
    descriptor.length_control = (id >> 10 & 0x3fu) << 16 | 1u << 26 | 1u << 27;
    descriptor.meta_control = (id & 0x3ffu) << 22;
    ConstBytes pushed;
    if (placement_ == Placement::kLowLatency) {
      pushed = ConstBytes(packets_).subspan(at, packet_bytes_);
      descriptor.address_high_header = static_cast<std::uint32_t>(packet_bytes_) << 24;
    } else {
      descriptor.length_control |= static_cast<std::uint32_t>(packet_bytes_);
      descriptor.address_low = static_cast<std::uint32_t>(packets_at_ + at);
    }
    driver_.put_chain(0, {&descriptor, 1}, pushed);
  }
  driver_.ring_transmit(0);
}

std::size_t PolledGuest::collect_sent() {
  RingDriver::Pair& pair = driver_.pairs.at(0);
  const std::uint32_t before = pair.transmit_done;
  for (;; ++pair.transmit_done) {
    TransmitCompletion entry;
    std::memcpy(&entry, driver_.at(pair.transmit_completions + pair.transmit_done % kDepth * 8), 8);
    if (((entry.flags & 1) != 0) != ((pair.transmit_done / kDepth & 1) == 0)) break;
  }
  return pair.transmit_done - before;
}

std::size_t PolledGuest::collect_received() {
  RingDriver::Pair& pair = driver_.pairs.at(0);
  const std::uint32_t before = pair.receive_done;
  for (;; ++pair.receive_done) {
    ReceiveCompletion entry;
    std::memcpy(&entry, driver_.at(pair.receive_completions + pair.receive_done % kDepth * 16), 16);
    const bool phase = (entry.status & devices::ena::receive_status::kPhase) != 0;
    if (phase != ((pair.receive_done / kDepth & 1) == 0)) break;
    const std::uint64_t buffer = buffers_at_ + std::uint64_t{entry.request_id} * kBufferBytes;
    last_frame_ = {driver_.at(buffer), entry.length};
    driver_.post_at(0, buffer, kBufferBytes, entry.request_id);
  }
  driver_.ring_receive(0);
  driver_.unmask(1);
  return pair.receive_done - before;
}

}  // namespace enid::bench
