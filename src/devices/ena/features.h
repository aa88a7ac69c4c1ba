// Features: what a driver may ask of the device and set, by number (GET_FEATURE, SET_FEATURE).
//
// Theory of operation
//   Each feature is a row of a table in features.cc: its number, whether it is announced, and what reads and
//   writes it. What belongs together beyond one number has a file of its own (receive_steering.h,
//   low_latency.h, host_information.h). Setting changes the state here, and the data path learns of it.
//
// Invariants
//   (1) A refused command changes nothing. (2) reset() brings back what the options say.
//
//   Documented: ena_admin_defs.h (ena_admin_aq_feature_id and the structures of each feature).
//   Observed: a driver asks only for features that the attributes announce; the old number of queues (2) is
//   answered all the same, for those who ask in vain for 7.
#pragma once

#include <optional>

#include "devices/ena/admin_command.h"
#include "devices/ena/controller_options.h"
#include "devices/ena/data_path.h"
#include "devices/ena/event_queue.h"
#include "devices/ena/host_information.h"
#include "devices/ena/low_latency.h"
#include "devices/ena/receive_steering.h"

namespace enid::devices::ena {

// Where in a command a feature's own data begins.
constexpr std::size_t kFeatureData = 20;

class Features {
 public:
  Features(const ControllerOptions& options, DataPath& data_path, EventQueue& events);

  AdminStatus get(const AdminCommand& command, AdminAnswer& answer, const pci::GuestMemory& memory) const;
  AdminStatus set(const AdminCommand& command, const pci::GuestMemory& memory);
  // The data path has been reset already.
  void reset();
  // Tells a data path that knows nothing what the driver has set.
  void resume();

  std::uint32_t mtu() const { return mtu_; }
  bool is_low_latency_enabled() const { return low_latency_.is_enabled(); }
  const ReceiveSteering& steering() const { return steering_.steering(); }
  const std::optional<HostInformation>& host() const { return host_; }

 private:
  struct Row;
  static const Row* find(std::uint8_t feature);
  std::uint32_t announced() const;

  AdminStatus get_attributes(AdminAnswer& answer) const;
  AdminStatus get_queues(AdminAnswer& answer) const;
  AdminStatus get_queues_by_direction(AdminAnswer& answer) const;
  AdminStatus get_hints(AdminAnswer& answer) const;
  AdminStatus get_offloads(AdminAnswer& answer) const;
  AdminStatus get_moderation(AdminAnswer& answer) const;
  AdminStatus get_events(AdminAnswer& answer) const;
  AdminStatus get_link(AdminAnswer& answer) const;
  AdminStatus set_mtu(const AdminCommand& command);
  AdminStatus set_events(const AdminCommand& command);
  AdminStatus set_host(const AdminCommand& command, const pci::GuestMemory& memory);
  AdminStatus tell_steering(AdminStatus status);

  const ControllerOptions options_;
  DataPath& data_path_;
  EventQueue& events_;
  SteeringFeatures steering_;
  LowLatencyFeature low_latency_;
  std::uint32_t mtu_;
  std::optional<HostInformation> host_;
};

}  // namespace enid::devices::ena
