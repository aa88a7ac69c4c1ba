// EventQueue: how a device tells its driver what nobody asked for (AENQ): link changes, that it lives, that
// it wants to be reset.
//
// Theory of operation
//   The driver gives a ring, chooses groups of events, and writes the ring's head: first its depth, later how
//   many events more it has consumed. Until the first write nothing is sent. What must not get lost (the
//   link's state, a wish for reset) waits as a bit until there is room; a keep-alive without room is lost,
//   and the driver, if it lives, will see the next.
//
// Invariants
//   (1) Never more than `depth` events that the driver has not consumed.
//   (2) Only groups that the driver enabled. (3) An event's phase byte is written last.
//
//   Documented: ena_admin_defs.h (ena_admin_aenq_entry); ena_com.c (what the head doorbell counts).
//   Observed: Linux resets its device after 6 s without keep-alive when that group is enabled, and only then.
//   Observed: DPDK enables the queue first and the groups later, and takes the link for down until it hears
//   of it.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "devices/ena/data_path.h"
#include "devices/ena/shared_ring.h"

namespace enid::devices::ena {

enum class EventGroup : std::uint16_t {
  kLinkChange = 0,
  kFatalError = 1,
  kWarning = 2,
  kNotification = 3,
  kKeepAlive = 4,
  kRefreshCapabilities = 5,
  kConfigurationNotifications = 6,
  kResetRequest = 7,  // ENA_ADMIN_DEVICE_REQUEST_RESET
};
constexpr std::uint32_t group_bit(EventGroup group) { return 1u << static_cast<unsigned>(group); }

class EventQueue {
 public:
  // What the device has to say.
  static constexpr std::uint32_t kSupportedGroups =
      group_bit(EventGroup::kLinkChange) | group_bit(EventGroup::kFatalError) |
      group_bit(EventGroup::kWarning) | group_bit(EventGroup::kNotification) |
      group_bit(EventGroup::kKeepAlive) | group_bit(EventGroup::kResetRequest);

  SharedRing events;

  // A write of the head doorbell.
  void on_head(std::uint32_t head);
  bool is_enabled() const { return is_enabled_; }
  std::uint32_t groups() const { return groups_; }
  // Who begins to listen for the link is told its state, which may have been said before.
  void set_groups(std::uint32_t groups);
  void reset() { *this = {}; }

  // Each answers whether an event was written.
  bool send_keep_alive(Instant now, const DataPathStatistics& statistics, const pci::GuestMemory& memory);
  void note_link(bool is_up);
  void note_reset_wanted();
  bool send_noted(Instant now, const pci::GuestMemory& memory);

  std::uint32_t sent() const { return sent_; }

 private:
  using Entry = std::array<std::uint8_t, kAdminEntryBytes>;

  bool wants(EventGroup group) const { return (groups_ & group_bit(group)) != 0; }
  bool has_room() const;
  bool send(EventGroup group, Entry& entry, Instant now, const pci::GuestMemory& memory);

  std::uint32_t groups_ = 0;
  bool is_enabled_ = false;
  std::uint16_t head_ = 0;  // Events up to here may be written; free-running.
  std::uint32_t sent_ = 0;  // Free-running.
  bool is_link_up_ = false;
  bool is_link_noted_ = false;
  bool is_fatal_noted_ = false;
  bool is_reset_noted_ = false;
};

}  // namespace enid::devices::ena
