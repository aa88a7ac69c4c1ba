#include "sim/network.h"

#include <algorithm>

#include "base/check.h"

namespace enid::sim {
namespace {

__extension__ using Wide = unsigned __int128;

// UDP's 4-tuple as a switch hashes it; the target port is the same everywhere.
std::uint32_t ecmp_hash(std::uint64_t switch_seed, std::uint32_t source, std::uint32_t target,
                        std::uint16_t source_port) {
  const std::uint64_t hosts = std::uint64_t{source} << 32 | target;
  const std::uint64_t left = hosts ^ switch_seed;
  const std::uint64_t right = (switch_seed >> 7) ^ (std::uint64_t{source_port} * 0x9E37'79B9'7F4A'7C15ULL);
  const auto product = static_cast<Wide>(left * 0xD6E8'FEB8'6659'FD93ULL ^ left >> 31) * (right | 1);
  const std::uint64_t folded =
      static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
  return static_cast<std::uint32_t>((folded * 0xA076'1D64'78BD'642FULL) >> 32);
}

std::uint64_t seed_of_switch(std::uint64_t seed, NodeIndex node) {
  std::uint64_t mixed = seed + (std::uint64_t{node} + 1) * 0x9E37'79B9'7F4A'7C15ULL;
  mixed = (mixed ^ mixed >> 30) * 0xBF58'476D'1CE4'E5B9ULL;
  mixed = (mixed ^ mixed >> 27) * 0x94D0'49BB'1331'11EBULL;
  return mixed ^ mixed >> 31;
}

}  // namespace

Network::Network(const NetworkSettings& settings)
    : topology_(settings.shape), settings_(settings), random_(settings.seed) {
  ports_.resize(topology_.ports());
  peers_.resize(topology_.ports());
  hosts_.resize(topology_.hosts());
  for (PortIndex i = 0; i < topology_.ports(); ++i) {
    ports_[i].set_up(settings.port);
    peers_[i] = topology_.peer(i);
  }
}

void Network::set_endpoint(std::uint32_t host, Transport transport, Endpoint* endpoint) {
  hosts_[host].endpoints[static_cast<std::size_t>(transport)] = endpoint;
}

void Network::push(Picoseconds time, std::uint32_t target) {
  events_queue_.push({time, tie_of(settings_.seed, time, target), target});
}

void Network::run_until(Picoseconds end) {
  while (!events_queue_.empty() && events_queue_.top().time <= end) {
    const Event event = events_queue_.top();
    now_ = event.time;
    if (event.target < kHostBase) {
      if (ports_[event.target].next_arrival() == event.time) {
        ++events_;
        arrive(event.target);
        continue;
      }
    } else if (event.target < kWorkBase) {
      const std::uint32_t host = event.target - kHostBase;
      if (hosts_[host].wake_at == event.time) {
        ++events_;
        events_queue_.pop();
        hosts_[host].wake_at = kNever;
        for (Endpoint* endpoint : hosts_[host].endpoints) {
          if (endpoint != nullptr && endpoint->next_wake() <= now_) endpoint->on_wake(now_);
        }
        serve(host);
        continue;
      }
    } else {
      events_queue_.pop();
      work_(event.target - kWorkBase);
      continue;
    }
    events_queue_.pop();  // Somebody changed their mind.
  }
  if (now_ < end && end != kNever) now_ = end;
}

void Network::arrive(PortIndex index) {
  OutputPort& port = ports_[index];
  const PacketIndex packet_index = port.take_arrival(pool_);
  const Picoseconds next = port.next_arrival();
  if (next == kNever) {
    events_queue_.pop();
  } else {
    events_queue_.replace_top({next, tie_of(settings_.seed, next, index), index});
  }
  if (!events_queue_.empty() && events_queue_.top().target < kHostBase) {
    __builtin_prefetch(&ports_[events_queue_.top().target]);  // The next event's, most likely.
  }
  const Packet& packet = pool_[packet_index];
  if (packet.lost) {
    pool_.give_back(packet_index);
    return;
  }
  const NodeIndex node = peers_[index];
  if (node >= topology_.hosts()) {
    enqueue(choose(node, packet.source, packet.target, packet.source_port), packet_index);
    return;
  }
  Endpoint* endpoint = hosts_[node].endpoints[static_cast<std::size_t>(packet.transport)];
  if (endpoint != nullptr) endpoint->on_packet(now_, packet);
  pool_.give_back(packet_index);
  serve(node);
}

void Network::enqueue(PortIndex index, PacketIndex packet) {
  OutputPort& port = ports_[index];
  const Picoseconds before = port.next_arrival();
  if (!port.accept(now_, packet, pool_, random_)) {
    pool_.give_back(packet);
    return;
  }
  renew_arrival(index, before);
}

void Network::renew_arrival(PortIndex index, Picoseconds before) {
  const Picoseconds next = ports_[index].next_arrival();
  if (next != before && next != kNever) push(next, index);
}

void Network::set_rate(PortIndex port, std::uint64_t bits_per_second) {
  const Picoseconds before = ports_[port].next_arrival();
  ports_[port].set_rate(now_, bits_per_second, pool_);
  renew_arrival(port, before);
}

void Network::cut(PortIndex port) {
  if (ports_[port].is_cut()) return;
  ports_[port].cut(pool_);
  if (settings_.withdraw_after != kNever) withdrawals_.push_back({port, now_ + settings_.withdraw_after});
}

void Network::repair(PortIndex port) {
  if (!ports_[port].is_cut()) return;
  ports_[port].repair(now_);
  std::erase_if(withdrawals_, [port](const Withdrawal& each) { return each.port == port; });
}

void Network::serve(std::uint32_t host) {
  if (!fill_card(host)) {
    const Picoseconds room = ports_[host].time_of_backlog(settings_.card_queue_bytes / 2);
    wake_host_at(host, room);
    return;
  }
  Picoseconds earliest = kNever;
  for (const Endpoint* endpoint : hosts_[host].endpoints) {
    if (endpoint != nullptr) earliest = std::min(earliest, endpoint->next_wake());
  }
  wake_host_at(host, earliest);
}

// False: the card is full. True: its endpoints have nothing that may go now.
bool Network::fill_card(std::uint32_t host_index) {
  Host& host = hosts_[host_index];
  OutputPort& port = ports_[host_index];
  std::size_t silent = 0;
  while (silent < kEndpointsMax) {
    if (port.backlog_bytes(now_) >= settings_.card_queue_bytes) return false;
    Endpoint* endpoint = host.endpoints[host.turn];
    host.turn = static_cast<std::uint8_t>((host.turn + 1) % kEndpointsMax);
    if (endpoint == nullptr) {
      ++silent;
      continue;
    }
    const PacketIndex index = pool_.take();
    Packet& packet = pool_[index];
    if (!endpoint->poll_transmit(now_, packet)) {
      pool_.give_back(index);
      ++silent;
      continue;
    }
    silent = 0;
    packet.source = host_index;
    enqueue(host_index, index);
  }
  return true;
}

void Network::wake_host_at(std::uint32_t host_index, Picoseconds when) {
  Host& host = hosts_[host_index];
  if (when == kNever) return;  // An event that is still queued does no harm.
  when = std::max(when, now_ + kNanosecond);
  if (host.wake_at <= when) return;  // It will ask again then.
  host.wake_at = when;
  push(when, kHostBase + host_index);
}

PortIndex Network::choose(NodeIndex node, std::uint32_t source, std::uint32_t target,
                          std::uint16_t source_port) const {
  const ClosTopology::Hop hop = topology_.next_hop(node, target);
  if (hop.choices == 1) return hop.first;
  const std::uint32_t hash = ecmp_hash(seed_of_switch(settings_.seed, node), source, target, source_port);
  // The upper bits by multiplication: as fair as the remainder, and cheaper.
  const auto pick = [hash](std::uint32_t choices) {
    return static_cast<std::uint32_t>(std::uint64_t{hash} * choices >> 32);
  };
  if (withdrawals_.empty()) return hop.first + pick(hop.choices);
  std::vector<PortIndex> alive;
  for (PortIndex port = hop.first; port < hop.first + hop.choices; ++port) {
    if (leads_on(port, target)) alive.push_back(port);
  }
  return alive.empty() ? hop.first + pick(hop.choices)
                       : alive[pick(static_cast<std::uint32_t>(alive.size()))];
}

// Does this way up reach the target without a withdrawn link? Looks down every way that remains.
bool Network::leads_on(PortIndex port, std::uint32_t target) const {
  if (is_withdrawn(port)) return false;
  const NodeIndex node = peers_[port];
  if (node == target) return true;
  const ClosTopology::Hop hop = topology_.next_hop(node, target);
  for (PortIndex next = hop.first; next < hop.first + hop.choices; ++next) {
    if (leads_on(next, target)) return true;
  }
  return false;
}

bool Network::is_withdrawn(PortIndex port) const {
  return std::ranges::any_of(withdrawals_,
                             [&](const Withdrawal& each) { return each.port == port && each.when <= now_; });
}

std::vector<PortIndex> Network::path_of(std::uint32_t source, std::uint32_t target,
                                        std::uint16_t source_port) const {
  std::vector<PortIndex> path;
  for (NodeIndex node = source; node != target; node = peers_[path.back()]) {
    path.push_back(choose(node, source, target, source_port));
  }
  return path;
}

}  // namespace enid::sim
