#include "flow/connection_table.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace enid::flow {

ConnectionTable::ConnectionTable(std::size_t connections_max, std::uint64_t seed)
    : connections_max_(std::max<std::size_t>(connections_max, 2)),
      seed_(seed),
      bucket_mask_(std::bit_ceil(connections_max_) - 1),
      slots_(connections_max_ + 1),
      buckets_(bucket_mask_ + 1) {
  CHECK(connections_max_ < UINT32_MAX);
}

ConnectionRef ConnectionTable::find(const FlowKey& key, Instant now) {
  for (std::uint32_t slot = bucket_of(key); slot != 0; slot = slots_[slot].connection.next) {
    const Connection& connection = slots_[slot].connection;
    if (connection.key != key) continue;
    if (connection.expires_at >= now) return {slot, connection.stamp};
    free_slot(slot);
    return {};
  }
  return {};
}

ConnectionRef ConnectionTable::create(const FlowKey& key, bool initiated_by_interface, ConnectionState state,
                                      const ConnectionTimeouts& timeouts, Instant now) {
  const std::uint32_t interface = key.interface();
  if (interface >= counts_.size()) counts_.resize(interface + 1);
  if (counts_[interface] >= connections_max_ / 2) {
    // Its own expired connections may be what fills the share.
    sweep(kConnectionBytes, now);
    if (counts_[interface] >= connections_max_ / 2) return {};
  }
  const std::uint32_t slot = take_slot(now);
  if (slot == 0) return {};
  std::uint32_t& bucket = bucket_of(key);
  Connection& connection = slots_[slot].connection;
  connection.key = key;
  connection.expires_at = now + timeouts[static_cast<std::size_t>(state)];
  connection.state = state;
  connection.initiated_by_interface = initiated_by_interface;
  connection.used = true;
  connection.next = bucket;
  bucket = slot;
  ++counts_[interface];
  ++size_;
  return {slot, connection.stamp};
}

void ConnectionTable::erase(ConnectionRef ref) {
  if (ref && slots_[ref.slot].connection.stamp == ref.stamp && slots_[ref.slot].connection.used)
    free_slot(ref.slot);
}

bool ConnectionTable::would_pass(ConnectionRef ref, bool from_interface, std::uint8_t tcp_flags,
                                 Instant now) const {
  const Connection& connection = slots_[ref.slot].connection;
  if (connection.stamp != ref.stamp || connection.expires_at < now) return false;
  return !connection_step(connection.state, connection.initiated_by_interface == from_interface, tcp_flags)
              .refused;
}

ConnectionTable::View ConnectionTable::view(ConnectionRef ref) const {
  const Connection& connection = slots_[ref.slot].connection;
  return {connection.key, connection.state, connection.initiated_by_interface, connection.expires_at};
}

void ConnectionTable::sweep(std::size_t slots, Instant now) {
  for (std::size_t i = std::min(slots, high_water_); i != 0; --i) {
    sweep_at_ = sweep_at_ >= high_water_ ? 1 : sweep_at_ + 1;
    const Connection& connection = slots_[sweep_at_].connection;
    if (connection.used && connection.expires_at < now) free_slot(static_cast<std::uint32_t>(sweep_at_));
  }
}

void ConnectionTable::erase_interface(std::uint32_t interface) {
  for (std::size_t slot = 1; slot <= high_water_ && count(interface) != 0; ++slot) {
    const Connection& connection = slots_[slot].connection;
    if (connection.used && connection.key.interface() == interface)
      free_slot(static_cast<std::uint32_t>(slot));
  }
}

std::uint32_t ConnectionTable::take_slot(Instant now) {
  constexpr std::size_t kSlotsLookedAt = 64;  // Bounds what one packet may cost when the table is full.
  if (free_head_ == 0 && high_water_ == connections_max_) sweep(kSlotsLookedAt, now);
  if (free_head_ != 0) {
    const std::uint32_t slot = free_head_;
    free_head_ = slots_[slot].connection.next;
    return slot;
  }
  if (high_water_ == connections_max_) return 0;
  return static_cast<std::uint32_t>(++high_water_);
}

void ConnectionTable::free_slot(std::uint32_t slot) {
  Connection& connection = slots_[slot].connection;
  std::uint32_t* link = &bucket_of(connection.key);
  while (*link != slot) link = &slots_[*link].connection.next;
  *link = connection.next;
  --counts_[connection.key.interface()];
  --size_;
  connection.used = false;
  ++connection.stamp;
  connection.next = free_head_;
  free_head_ = slot;
}

}  // namespace enid::flow
