#include "devices/ena/event_queue.h"

#include <array>

#include "pci/little_endian.h"

namespace enid::devices::ena {
namespace {

// ena_admin_aenq_common_desc
constexpr std::size_t kEventFlags = 4;
constexpr std::size_t kEventTimestamp = 8;
constexpr std::size_t kEventData = 16;

}  // namespace

void EventQueue::on_head(std::uint32_t head) {
  if (!events.is_usable()) return;
  const auto free = static_cast<std::uint16_t>(head - sent_);
  if (free > events.depth()) return;  // Claims to have consumed what was never sent.
  head_ = static_cast<std::uint16_t>(head);
  is_enabled_ = true;
}

void EventQueue::set_groups(std::uint32_t groups) {
  const bool did_want_link = wants(EventGroup::kLinkChange);
  groups_ = groups;
  if (is_enabled_ && !did_want_link && wants(EventGroup::kLinkChange)) is_link_noted_ = true;
}

bool EventQueue::has_room() const {
  return is_enabled_ && events.is_usable() && static_cast<std::uint16_t>(head_ - sent_) > 0 &&
         static_cast<std::uint16_t>(head_ - sent_) <= events.depth();
}

bool EventQueue::send(EventGroup group, Entry& entry, Instant now, const pci::GuestMemory& memory) {
  pci::store_little_endian(entry.data(), static_cast<std::uint16_t>(group));
  entry[kEventFlags] = events.phase(sent_);
  pci::store_little_endian(entry.data() + kEventTimestamp, now.nanoseconds);
  if (!publish_entry(memory, events.entry_address(sent_), entry, kEventFlags)) return false;
  ++sent_;
  return true;
}

bool EventQueue::send_keep_alive(Instant now, const DataPathStatistics& statistics,
                                 const pci::GuestMemory& memory) {
  if (!wants(EventGroup::kKeepAlive) || !has_room()) return false;
  Entry entry{};
  pci::store_little_endian(entry.data() + kEventData, statistics.receive_drops);
  pci::store_little_endian(entry.data() + kEventData + 8, statistics.transmit_drops);
  pci::store_little_endian(entry.data() + kEventData + 16, statistics.receive_overruns);
  return send(EventGroup::kKeepAlive, entry, now, memory);
}

void EventQueue::note_link(bool is_up) {
  is_link_up_ = is_up;
  is_link_noted_ = true;
}

void EventQueue::note_reset_wanted() {
  is_fatal_noted_ = true;
  is_reset_noted_ = true;
}

bool EventQueue::send_noted(Instant now, const pci::GuestMemory& memory) {
  if (!is_enabled_) return false;
  bool has_sent = false;
  const auto send_one = [&](bool& is_noted, EventGroup group, std::uint32_t data) {
    if (!is_noted) return;
    if (!wants(group)) {
      is_noted = false;
      return;
    }
    if (!has_room()) return;
    Entry entry{};
    pci::store_little_endian(entry.data() + kEventData, data);
    if (send(group, entry, now, memory)) has_sent = true;
    is_noted = false;
  };
  send_one(is_link_noted_, EventGroup::kLinkChange, is_link_up_ ? 1 : 0);
  send_one(is_fatal_noted_, EventGroup::kFatalError, 0);
  send_one(is_reset_noted_, EventGroup::kResetRequest, 0);
  return has_sent;
}

}  // namespace enid::devices::ena
