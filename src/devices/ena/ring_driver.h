// RingDriver: a driver of an ENA device's rings as a test writes one: it plays the guest against an EnaPort.
//
//   Its rings and buffers lie in one array that is the guest's memory; it keeps the driver's side of each
//   ring (tails, phases, request ids) as Linux does. Only tests use it.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "devices/ena/ena_port.h"

namespace enid::devices::ena {

struct CountedInterrupt final : pci::Interrupt {
  int raised = 0;
  void raise() override { ++raised; }
};

class RingDriver {
 public:
  static constexpr std::uint64_t kBase = 0x10'0000;
  static constexpr std::size_t kMemoryBytes = 16 * 1024 * 1024;

  struct Pair {
    std::uint16_t depth = 0;
    Placement placement = Placement::kHost;
    std::uint64_t transmit_ring = 0, receive_ring = 0, transmit_completions = 0, receive_completions = 0;
    std::uint32_t transmit_tail = 0, receive_tail = 0;
    std::uint32_t transmit_done = 0, receive_done = 0;                        // Completions seen.
    std::map<std::uint16_t, std::pair<std::uint64_t, std::uint32_t>> posted;  // By request id.
    std::uint16_t next_id = 0;
    std::uint16_t next_receive_id = 0;
  };
  struct Sending {
    std::vector<std::size_t> cuts = {};               // Sizes of the buffers; the last takes the rest.
    std::uint32_t notes = 0;                          // OR-ed into the first data descriptor's meta_control.
    std::optional<std::uint16_t> segment_bytes = {};  // With a meta descriptor.
    bool stores_meta = true;
    std::size_t pushed = 0;  // Of a low-latency queue: bytes in the entry.
    bool rings = true;
  };
  struct Received {
    std::vector<std::uint8_t> bytes;
    std::uint32_t status = 0;  // Of the last completion.
    std::uint32_t hash = 0;
    std::size_t buffers = 0;
  };

  explicit RingDriver(EnaPortOptions options = {})
      : memory_(kMemoryBytes + 4096),
        page_(kDoorbellPageBytes / 8),
        bar_(kLowLatencyBarBytes / 8),
        states_(kQueueStates) {
    const auto at = reinterpret_cast<std::uintptr_t>(memory_.data());
    ram_ = memory_.data() + (4096 - at % 4096) % 4096;
    options_ = options;
    start_port();
    for (std::uint16_t i = 0; i < kVectorsMax; ++i) {
      interrupts.push_back(std::make_shared<CountedInterrupt>());
      port->set_interrupt(i, interrupts.back());
    }
  }

  // A new fast side over what is shared.
  void start_port() {
    port = std::make_unique<EnaPort>(page(), bar(), states_, options_);
    share_memory();
    port->set_link(true);
  }
  // All of it, in pieces of `piece` bytes.
  void share_memory(std::size_t piece = kMemoryBytes) {
    std::vector<pci::MemoryRange> ranges;
    for (std::size_t at = 0; at < kMemoryBytes; at += piece)
      ranges.push_back({kBase + at, piece, true, true, ram_ + at, nullptr});
    port->set_memory(std::make_shared<pci::GuestMemory>(std::move(ranges)));
  }

  Bytes page() { return {reinterpret_cast<std::uint8_t*>(page_.data()), kDoorbellPageBytes}; }
  Bytes bar() { return {reinterpret_cast<std::uint8_t*>(bar_.data()), kLowLatencyBarBytes}; }
  Bytes ram() { return {ram_, kMemoryBytes}; }
  std::uint8_t* at(std::uint64_t address) { return ram_ + (address - kBase); }
  std::uint64_t allocate(std::size_t bytes, std::size_t alignment = 64) {
    used_ = (used_ + alignment - 1) / alignment * alignment;
    const std::uint64_t address = kBase + used_;
    used_ += bytes;
    if (used_ > kMemoryBytes) used_ = keep_;  // Tests with many packets use the buffers anew.
    return used_ == keep_ ? allocate(bytes, alignment) : address;
  }

  void write_word(std::uint32_t offset, std::uint32_t value) {
    std::memcpy(page().data() + offset, &value, 4);
  }

  // Queue pair `q` with completion queues 2q and 2q + 1, both of vector q + 1.
  Pair& make_pair(std::uint16_t q, std::uint16_t depth = 64, Placement placement = Placement::kHost) {
    Pair& pair = pairs[q];
    pair = {};
    pair.depth = depth;
    pair.placement = placement;
    pair.transmit_ring = allocate(depth * 16u);
    pair.receive_ring = allocate(depth * 16u);
    pair.transmit_completions = allocate(depth * 8u);
    pair.receive_completions = allocate(depth * 16u);
    std::memset(at(pair.transmit_completions), 0, depth * 8u);
    std::memset(at(pair.receive_completions), 0, depth * 16u);
    keep_ = used_;
    attach_pair(q, false);
    return pair;
  }
  void attach_pair(std::uint16_t q, bool resumes) {
    const Pair& pair = pairs[q];
    const auto vector = static_cast<std::uint16_t>(q + 1);
    const auto first = static_cast<std::uint16_t>(2 * q);
    const auto second = static_cast<std::uint16_t>(2 * q + 1);
    port->create_completion_queue({first, pair.depth, 8, pair.transmit_completions, vector, resumes});
    port->create_completion_queue({second, pair.depth, 16, pair.receive_completions, vector, resumes});
    port->create_submission_queue(
        {q, Direction::kTransmit, pair.placement, pair.depth, pair.transmit_ring, first, resumes});
    port->create_submission_queue(
        {q, Direction::kReceive, Placement::kHost, pair.depth, pair.receive_ring, second, resumes});
  }

  void ring_transmit(std::uint16_t q) { write_word(transmit_doorbell(q), pairs[q].transmit_tail & 0xffff); }
  void ring_receive(std::uint16_t q) { write_word(receive_doorbell(q), pairs[q].receive_tail & 0xffff); }
  void unmask(std::uint16_t vector, std::uint32_t receive_us = 0, std::uint32_t transmit_us = 0) {
    write_word(unmask_word(vector), 1u << 30 | transmit_us << 15 | receive_us);
  }

  // Answers the request id.
  std::uint16_t send(std::uint16_t q, ConstBytes packet, const Sending& how) {
    Pair& pair = pairs[q];
    const auto id = pair.next_id++ % pair.depth;
    std::vector<TransmitDescriptor> chain;
    if (how.segment_bytes) chain.push_back(meta(*how.segment_bytes, how.stores_meta));
    const auto first = chain.size();
    ConstBytes rest = packet.subspan(how.pushed);
    for (std::size_t i = 0; i == 0 || !rest.empty(); ++i) {
      const std::size_t bytes = i < how.cuts.size() ? std::min(how.cuts[i], rest.size())
                                                    : std::min<std::size_t>(rest.size(), 0xffff);
      TransmitDescriptor descriptor;
      descriptor.length_control = static_cast<std::uint32_t>(bytes);
      if (bytes > 0) {
        const std::uint64_t address = allocate(bytes, 1);
        std::memcpy(at(address), rest.data(), bytes);
        descriptor.address_low = static_cast<std::uint32_t>(address);
        descriptor.address_high_header = static_cast<std::uint32_t>(address >> 32);
      }
      rest = rest.subspan(bytes);
      chain.push_back(descriptor);
    }
    chain[first].meta_control |= how.notes | (id & 0x3ffu) << 22;
    chain[first].length_control |= (id >> 10 & 0x3fu) << 16;
    chain[first].address_high_header |= static_cast<std::uint32_t>(how.pushed) << 24;
    chain.front().length_control |= 1u << 26;
    chain.back().length_control |= 1u << 27;
    put_chain(q, chain, packet.first(how.pushed));
    if (how.rings) ring_transmit(q);
    return static_cast<std::uint16_t>(id);
  }
  std::uint16_t send(std::uint16_t q, ConstBytes packet) { return send(q, packet, Sending{}); }

  static TransmitDescriptor meta(std::uint16_t segment_bytes, bool stores = true) {
    TransmitDescriptor descriptor;
    descriptor.length_control =
        1u << 23 | 1u << 14 | (segment_bytes >> 10 & 0xfu) << 16 | (stores ? 1u << 21 : 0);
    descriptor.address_low = std::uint32_t{segment_bytes} << 22 | 5u << 16 | 14u << 8 | 20;
    return descriptor;
  }

  void put_chain(std::uint16_t q, std::span<const TransmitDescriptor> chain, ConstBytes pushed = {}) {
    Pair& pair = pairs[q];
    if (pair.placement == Placement::kHost) {
      for (const TransmitDescriptor& descriptor : chain) {
        std::memcpy(at(pair.transmit_ring + pair.transmit_tail % pair.depth * 16), &descriptor, 16);
        ++pair.transmit_tail;
      }
      return;
    }
    for (std::size_t i = 0, line = 0; i < chain.size(); ++line) {
      std::uint8_t* const entry =
          bar().data() + q * kLowLatencyQueueBytes + pair.transmit_tail % pair.depth * kLowLatencyEntryBytes;
      std::memset(entry, 0xee, kLowLatencyEntryBytes);
      const std::size_t slots = line == 0 ? kLowLatencyDescriptorsFirst : kLowLatencyDescriptors;
      for (std::size_t slot = 0; slot < slots && i < chain.size(); ++slot, ++i)
        std::memcpy(entry + slot * 16, &chain[i], 16);
      if (line == 0 && !pushed.empty())
        std::memcpy(entry + kLowLatencyHeaderAt, pushed.data(), pushed.size());
      ++pair.transmit_tail;
    }
  }

  // New completions of transmit queue `q`.
  std::vector<TransmitCompletion> transmitted(std::uint16_t q) {
    Pair& pair = pairs[q];
    std::vector<TransmitCompletion> found;
    for (;;) {
      TransmitCompletion entry;
      std::memcpy(&entry, at(pair.transmit_completions + pair.transmit_done % pair.depth * 8), 8);
      const bool phase = (pair.transmit_done / pair.depth & 1) == 0;
      if (((entry.flags & 1) != 0) != phase) return found;
      found.push_back(entry);
      ++pair.transmit_done;
    }
  }

  void post_at(std::uint16_t q, std::uint64_t address, std::uint32_t bytes, std::uint16_t id) {
    Pair& pair = pairs[q];
    ReceiveDescriptor descriptor;
    descriptor.length = static_cast<std::uint16_t>(bytes);
    descriptor.control = 0x1d;
    descriptor.request_id = id;
    descriptor.address_low = static_cast<std::uint32_t>(address);
    descriptor.address_high = static_cast<std::uint16_t>(address >> 32);
    std::memcpy(at(pair.receive_ring + pair.receive_tail % pair.depth * 16), &descriptor, 16);
    ++pair.receive_tail;
  }
  void post(std::uint16_t q, std::size_t count, std::uint32_t bytes) {
    Pair& pair = pairs[q];
    for (std::size_t i = 0; i < count; ++i) {
      while (pair.posted.contains(pair.next_receive_id % pair.depth)) ++pair.next_receive_id;
      const auto id = static_cast<std::uint16_t>(pair.next_receive_id++ % pair.depth);
      const std::uint64_t address = allocate(bytes, 64);
      pair.posted[id] = {address, bytes};
      post_at(q, address, bytes, id);
    }
    ring_receive(q);
  }

  // Frames that came to receive queue `q`.
  std::vector<Received> received(std::uint16_t q) {
    Pair& pair = pairs[q];
    std::vector<Received> found;
    for (;;) {
      ReceiveCompletion entry;
      std::memcpy(&entry, at(pair.receive_completions + pair.receive_done % pair.depth * 16), 16);
      const bool phase = (pair.receive_done / pair.depth & 1) == 0;
      if (((entry.status & receive_status::kPhase) != 0) != phase) return found;
      ++pair.receive_done;
      if ((entry.status & receive_status::kFirst) != 0) found.emplace_back();
      Received& frame = found.back();
      const auto [address, room] = pair.posted.at(entry.request_id);
      frame.bytes.insert(frame.bytes.end(), at(address), at(address) + entry.length);
      frame.status = entry.status & ~receive_status::kPhase;
      frame.hash = entry.hash;
      ++frame.buffers;
      pair.posted.erase(entry.request_id);
    }
  }

  // All that one receive() gives.
  std::span<card::Frame> poll() { return std::span(frames_).first(port->receive(frames_)); }

  std::unique_ptr<EnaPort> port;
  std::vector<std::shared_ptr<CountedInterrupt>> interrupts;
  std::map<std::uint16_t, Pair> pairs;

 private:
  EnaPortOptions options_;
  std::vector<std::uint8_t> memory_;
  std::uint8_t* ram_ = nullptr;
  std::vector<std::uint64_t> page_;
  std::vector<std::uint64_t> bar_;
  std::vector<QueueState> states_;
  std::size_t used_ = 0;
  std::size_t keep_ = 0;
  std::array<card::Frame, 64> frames_;
};

}  // namespace enid::devices::ena
