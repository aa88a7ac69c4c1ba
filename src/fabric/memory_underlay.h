// MemoryNetwork: an underlay within one process, for tests: what is sent waits at its receiver, in order.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "fabric/underlay.h"

namespace enid::fabric {

class MemoryUnderlay;

struct MemoryNetwork {
  std::map<Ipv4Address, MemoryUnderlay*> hosts;
  std::uint32_t mtu = 9216;
};

class MemoryUnderlay final : public Underlay {
 public:
  // The network must outlive it.
  MemoryUnderlay(MemoryNetwork& network, Ipv4Address address) : network_(network), address_(address) {
    network_.hosts[address] = this;
  }
  ~MemoryUnderlay() override { network_.hosts.erase(address_); }
  MemoryUnderlay(const MemoryUnderlay&) = delete;
  MemoryUnderlay& operator=(const MemoryUnderlay&) = delete;

  std::size_t send(std::span<const OutgoingDatagram> datagrams) override {
    constexpr std::size_t kIpAndUdpBytes = 28;
    std::size_t taken = 0;
    for (; taken < datagrams.size() && room != 0; ++taken, --room) {
      const OutgoingDatagram& datagram = datagrams[taken];
      ++sent;
      const auto to = network_.hosts.find(datagram.to);
      if (to == network_.hosts.end()) continue;
      if (datagram.header.size() + datagram.payload.size() + kIpAndUdpBytes > network_.mtu) continue;
      Kept kept{address_, datagram.channel, {datagram.header.begin(), datagram.header.end()}};
      kept.bytes.insert(kept.bytes.end(), datagram.payload.begin(), datagram.payload.end());
      to->second->waiting.push_back(std::move(kept));
    }
    return taken;
  }

  std::size_t receive(std::span<ArrivedDatagram> datagrams) override {
    lent_.clear();
    std::size_t count = 0;
    for (; count < datagrams.size() && !waiting.empty(); ++count) {
      lent_.push_back(std::move(waiting.front()));
      waiting.pop_front();
      datagrams[count] = {.from = lent_.back().from,
                          .channel = lent_.back().channel,
                          .is_congestion_experienced = false,
                          .bytes = lent_.back().bytes};
    }
    return count;
  }

  Result<std::uint32_t> mtu_to(Ipv4Address) override { return network_.mtu; }

  struct Kept {
    Ipv4Address from;
    Channel channel;
    std::vector<std::uint8_t> bytes;
  };
  std::deque<Kept> waiting;
  std::size_t room = 1'000'000;
  std::size_t sent = 0;

 private:
  MemoryNetwork& network_;
  Ipv4Address address_;
  std::deque<Kept> lent_;
};

}  // namespace enid::fabric
