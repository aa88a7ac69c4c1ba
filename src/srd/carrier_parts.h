// What a Carrier consists of. Only carrier*.cc include this.
#pragma once

#include <array>
#include <deque>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "srd/carrier.h"
#include "srd/connection.h"
#include "srd/message_pool.h"
#include "srd/receive_share.h"
#include "srd/timer_heap.h"

namespace enid::srd {

// A slab: what is told about its message at the end, room for the header of the datagram that carries it, so
// that both leave as one piece, and its bytes.
struct SlabHead {
  static constexpr std::size_t kBytes = 64;

  MessageFacts facts;
};
static_assert(sizeof(SlabHead) + wire::SrdHeader::kBytes + wire::SrdHeader::kTagBytes <= SlabHead::kBytes);
static_assert(Carrier::kMessageBytesMax + SlabHead::kBytes <= MessagePool::kSlabBytes.back());

struct Carrier::Parts {
  struct Peer {
    Ipv4Address address;
    PairKey key{};
    std::uint16_t generation = 0;  // Of the place in the table; zero: nobody is there.
    bool is_ready = false;         // Listed in `ready`.
    bool is_unresponsive = false;
    std::uint32_t message_bytes_max = kMessageBytesMax;
    std::unique_ptr<Connection> connection;  // Made when the first message or INIT comes.
    PeerCounters counters;
  };

  // A datagram that leaves with the next batch.
  struct Departure {
    std::array<std::uint8_t, wire::SrdDatagram::kBytesMax> bytes;  // Of one without payload.
    MessagePool::Slab slab = MessagePool::kNoSlab;
    bool is_cancelled = false;
  };
  static constexpr std::size_t kBatch = 64;
  // A peer with much to send lets the others have their turn after so many datagrams.
  static constexpr std::size_t kTurn = 32;

  Parts(const CarrierOptions& options, fabric::Underlay& underlay);

  static std::uint32_t place_of(PeerHandle handle) { return handle & 0xffff; }
  static PeerHandle handle_of(std::uint32_t place, const Peer& peer) {
    return static_cast<PeerHandle>(peer.generation) << 16 | place;
  }
  Peer* find(PeerHandle handle);
  Connection& connection_of(std::uint32_t place);
  void let_go(Instant now, std::uint32_t place);

  CarrierSend send(Instant now, PeerHandle handle, const MessageFacts& facts, ConstBytes header,
                   ConstBytes payload);
  CarrierSend refuse_unestablished(Instant now, std::uint32_t place);
  void on_datagram(Instant now, const fabric::ArrivedDatagram& datagram, CarrierReceiver& receiver);
  std::uint32_t find_connection(const wire::SrdDatagram& datagram, Ipv4Address from);
  void deliver(Instant now, std::uint32_t place, const wire::SrdHeader& header, std::uint32_t psn,
               Bytes payload, CarrierReceiver& receiver);
  std::size_t transmit(Instant now);
  bool take_turn(Instant now, std::uint32_t place);
  void add_departure(const Peer& peer, const Transmission& transmission);
  bool flush();
  void take_events(std::uint32_t place);
  void end(std::uint32_t place, const Event& event);
  void remember_end(std::uint32_t place, const Event& event, const MessageFacts& facts);
  MessageFacts facts_of(MessagePool::Slab slab);
  void release(MessagePool::Slab slab);
  void get_ready(std::uint32_t place);
  void set_timer(std::uint32_t place);

  CarrierOptions options;
  fabric::Underlay& underlay;
  Random random;
  MessagePool pool;
  ReceiveShare share;
  std::vector<Peer> peers;
  std::vector<std::uint32_t> free_places;
  std::unordered_map<Ipv4Address, std::uint32_t> by_address;

  // Peers that may have something to send, in turns. A peer is listed once.
  std::deque<std::uint32_t> ready;
  TimerHeap timers;

  // The first `departures_count` leave next; after a flush that found no room, some stay from
  // `departures_sent` on.
  std::array<Departure, kBatch> departures;
  std::array<fabric::OutgoingDatagram, kBatch> outgoing;
  std::size_t departures_count = 0;
  std::size_t departures_sent = 0;
  Instant retry_at{};

  std::deque<EndedMessage> ended;
  CarrierCounters counters;
};

}  // namespace enid::srd
