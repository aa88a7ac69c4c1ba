// ConnectionTable: the tracked connections of every interface of a card, bounded.
//
// Theory of operation
//   Connections lie in a slab of cache lines. A hash table of chains finds them by key, for
//   packets that walk; a flow cache entry holds a ConnectionRef and reaches its connection by
//   index. The key is written from the interface's side: `source` is its own address, so both
//   directions of a conversation have the same key.
//
//   A ref carries the slot's stamp. When a connection ends, its slot's stamp moves on, so an old
//   ref finds nothing. Expiry is lazy: an expired connection is not found; sweep() frees the
//   slots of those that nobody asks for.
//
// Invariants
//   (1) At most `connections_max` connections, and at most half of that for one interface, so
//       that a flooding one leaves room for the others.
//   (2) count(interface) is the number of slots that hold connections of that interface.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "flow/connection_state.h"
#include "flow/flow_key.h"
#include "flow/zeroed_array.h"

namespace enid::flow {

struct ConnectionRef {
  std::uint32_t slot = 0;  // Slot 0 is never used: no connection.
  std::uint32_t stamp = 0;

  explicit operator bool() const { return slot != 0; }
  bool operator==(const ConnectionRef&) const = default;
};

class ConnectionTable {
 public:
  ConnectionTable(std::size_t connections_max, std::uint64_t seed);

  // Null ref: there is none, or it has expired.
  ConnectionRef find(const FlowKey& key, Instant now);
  // Null ref: the table, or the interface's share of it, is full. The key must not be in use.
  ConnectionRef create(const FlowKey& key, bool initiated_by_interface, ConnectionState state,
                       const ConnectionTimeouts& timeouts, Instant now);
  void erase(ConnectionRef ref);

  void prefetch(ConnectionRef ref) const { __builtin_prefetch(&slots_[ref.slot], 1); }

  // A packet passes: refreshes the connection and moves its state. `grace` is how much longer than
  // its timeout the connection may live, because its packets will not all be told.
  enum class Touch : std::uint8_t {
    kRefused,  // Gone or expired, or the packet begins another connection; nothing has changed.
    kMoving,   // Passes, and the next packet must be told too.
    kSettled,  // Passes; packets without TCP flags of their own change nothing but the expiry.
  };
  Touch touch(ConnectionRef ref, bool from_interface, std::uint8_t tcp_flags,
              const ConnectionTimeouts& timeouts, Instant now, Duration grace = {}) {
    Connection& connection = slots_[ref.slot].connection;
    if (connection.stamp != ref.stamp || connection.expires_at < now) return Touch::kRefused;
    const bool from_initiator = connection.initiated_by_interface == from_interface;
    const ConnectionStep step = connection_step(connection.state, from_initiator, tcp_flags);
    if (step.refused) return Touch::kRefused;
    connection.state = step.state;
    connection.expires_at = now + timeouts[static_cast<std::size_t>(step.state)];
    if (!is_settled(step.state)) return Touch::kMoving;
    connection.expires_at = connection.expires_at + grace;
    return Touch::kSettled;
  }
  // What touch() would answer, without a change.
  bool would_pass(ConnectionRef ref, bool from_interface, std::uint8_t tcp_flags, Instant now) const;

  struct View {
    FlowKey key;
    ConnectionState state;
    bool initiated_by_interface;
    Instant expires_at;
  };
  View view(ConnectionRef ref) const;

  // Frees expired connections among the next `slots` slots, round and round.
  void sweep(std::size_t slots, Instant now);
  void erase_interface(std::uint32_t interface);

  std::size_t size() const { return size_; }
  std::size_t slots_used() const { return high_water_; }  // What a whole round of sweep() covers.
  std::size_t count(std::uint32_t interface) const {
    return interface < counts_.size() ? counts_[interface] : 0;
  }
  // How many more of this interface's there is room for now. Slots of expired connections are not counted as
  // room until they are swept.
  std::size_t available(std::uint32_t interface) const {
    const std::size_t used = count(interface);
    const std::size_t share = connections_max_ / 2;
    return used >= share ? 0 : std::min(share - used, connections_max_ - size_);
  }
  static constexpr std::size_t kConnectionBytes = 64;

 private:
  struct Connection {
    FlowKey key;
    Instant expires_at;
    std::uint32_t stamp;  // Of the slot. Moves when a connection ends.
    std::uint32_t next;   // In the bucket's chain, or in the chain of free slots.
    ConnectionState state;
    bool initiated_by_interface;
    bool used;
  };
  struct alignas(kConnectionBytes) Slot {
    Connection connection;
  };
  static_assert(sizeof(Slot) == kConnectionBytes);

  std::uint32_t& bucket_of(const FlowKey& key) { return buckets_[hash_of(key, seed_) & bucket_mask_]; }
  std::uint32_t take_slot(Instant now);
  void free_slot(std::uint32_t slot);

  std::size_t connections_max_;
  std::uint64_t seed_;
  std::size_t bucket_mask_;
  ZeroedArray<Slot> slots_;
  ZeroedArray<std::uint32_t> buckets_;
  std::vector<std::uint32_t> counts_;  // By interface.
  std::uint32_t free_head_ = 0;
  std::size_t high_water_ = 0;  // Slots 1 to high_water_ have been used.
  std::size_t sweep_at_ = 0;
  std::size_t size_ = 0;
};

}  // namespace enid::flow
