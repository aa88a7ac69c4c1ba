#include "devices/ena/features.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "devices/ena/admin_statistics.h"

namespace enid::devices::ena {
namespace {

constexpr std::size_t kFeatureNumber = 17;
constexpr std::uint32_t kAddressBits = 48;
constexpr std::uint32_t kMtuMin = 68;  // RFC 791.

// ena_admin_aq_feature_id
constexpr std::uint8_t kAttributes = 1;
constexpr std::uint8_t kQueues = 2;
constexpr std::uint8_t kHints = 3;
constexpr std::uint8_t kLowLatency = 4;
constexpr std::uint8_t kQueuesByDirection = 7;
constexpr std::uint8_t kHashFunction = 10;
constexpr std::uint8_t kOffloads = 11;
constexpr std::uint8_t kSteeringTable = 12;
constexpr std::uint8_t kMtu = 14;
constexpr std::uint8_t kHashInput = 18;
constexpr std::uint8_t kModeration = 20;
constexpr std::uint8_t kEvents = 26;
constexpr std::uint8_t kLink = 27;
constexpr std::uint8_t kHost = 28;

// Every checksum either way, IPv4 and IPv6, whole or begun by the driver; TCP segmentation, also with ECN.
constexpr std::uint32_t kTransmitOffloads = 0xff;
// Checksums of IPv4, and of TCP and UDP over both; the hash.
constexpr std::uint32_t kReceiveOffloads = 0xf;

// A register read through memory may take its time when the host is busy. The driver's own
// limits, 0, do for all else.
constexpr std::uint16_t kRegisterReadMilliseconds = 2000;
// What moderation counts in: microseconds.
constexpr std::uint16_t kModerationResolution = 1;

constexpr std::uint32_t kLinkIsFullDuplex = 1 << 1;

// ena_admin_link_types: a bit for each speed.
std::uint32_t link_type(std::uint32_t mbps) {
  constexpr std::uint32_t kSpeeds[] = {1'000,  2'500,  5'000,   10'000,  25'000,
                                       40'000, 50'000, 100'000, 200'000, 400'000};
  const auto* const found = std::ranges::lower_bound(kSpeeds, mbps);
  return 1u << std::min<std::ptrdiff_t>(found - std::begin(kSpeeds), std::ssize(kSpeeds) - 1);
}

}  // namespace

struct Features::Row {
  std::uint8_t number;
  bool is_announced;
  AdminStatus (*get)(const Features&, const AdminCommand&, AdminAnswer&, const pci::GuestMemory&);
  AdminStatus (*set)(Features&, const AdminCommand&, const pci::GuestMemory&);
};

const Features::Row* Features::find(std::uint8_t feature) {
  using Self = const Features&;
  using Command = const AdminCommand&;
  using Memory = const pci::GuestMemory&;
  static constexpr Row kRows[] = {
      {kAttributes, true, [](Self self, Command, AdminAnswer& a, Memory) { return self.get_attributes(a); },
       nullptr},
      {kQueues, false, [](Self self, Command, AdminAnswer& a, Memory) { return self.get_queues(a); },
       nullptr},
      {kHints, true, [](Self self, Command, AdminAnswer& a, Memory) { return self.get_hints(a); }, nullptr},
      {kLowLatency, true,
       [](Self self, Command, AdminAnswer& a, Memory) {
         return self.low_latency_.get(a, self.options_.queue_pairs);
       },
       [](Features& self, Command c, Memory) { return self.low_latency_.set(c); }},
      {kQueuesByDirection, true,
       [](Self self, Command, AdminAnswer& a, Memory) { return self.get_queues_by_direction(a); }, nullptr},
      {kHashFunction, true,
       [](Self self, Command c, AdminAnswer& a, Memory m) { return self.steering_.get_function(c, a, m); },
       [](Features& self, Command c, Memory m) {
         return self.tell_steering(self.steering_.set_function(c, m));
       }},
      {kOffloads, true, [](Self self, Command, AdminAnswer& a, Memory) { return self.get_offloads(a); },
       nullptr},
      {kSteeringTable, true,
       [](Self self, Command c, AdminAnswer& a, Memory m) { return self.steering_.get_table(c, a, m); },
       [](Features& self, Command c, Memory m) {
         return self.tell_steering(self.steering_.set_table(c, m));
       }},
      {kMtu, true,
       [](Self self, Command, AdminAnswer& a, Memory) {
         a.store(0, self.mtu_);
         return AdminStatus::kSuccess;
       },
       [](Features& self, Command c, Memory) { return self.set_mtu(c); }},
      {kHashInput, true,
       [](Self self, Command c, AdminAnswer& a, Memory m) { return self.steering_.get_fields(c, a, m); },
       [](Features& self, Command c, Memory m) {
         return self.tell_steering(self.steering_.set_fields(c, m));
       }},
      {kModeration, true, [](Self self, Command, AdminAnswer& a, Memory) { return self.get_moderation(a); },
       nullptr},
      {kEvents, true, [](Self self, Command, AdminAnswer& a, Memory) { return self.get_events(a); },
       [](Features& self, Command c, Memory) { return self.set_events(c); }},
      {kLink, true, [](Self self, Command, AdminAnswer& a, Memory) { return self.get_link(a); }, nullptr},
      {kHost, true, nullptr, [](Features& self, Command c, Memory m) { return self.set_host(c, m); }},
  };
  const auto* const found = std::ranges::find(kRows, feature, &Row::number);
  return found == std::end(kRows) ? nullptr : found;
}

Features::Features(const ControllerOptions& options, DataPath& data_path, EventQueue& events)
    : options_(options),
      data_path_(data_path),
      events_(events),
      steering_(options.queue_pairs),
      mtu_(options.mtu) {}

AdminStatus Features::get(const AdminCommand& command, AdminAnswer& answer,
                          const pci::GuestMemory& memory) const {
  const Row* const row = find(command.bytes[kFeatureNumber]);
  if (row == nullptr || row->get == nullptr) return AdminStatus::kUnsupported;
  if (row->number == kLowLatency && !options_.low_latency) return AdminStatus::kUnsupported;
  return row->get(*this, command, answer, memory);
}

AdminStatus Features::set(const AdminCommand& command, const pci::GuestMemory& memory) {
  const Row* const row = find(command.bytes[kFeatureNumber]);
  if (row == nullptr || row->set == nullptr) return AdminStatus::kUnsupported;
  if (row->number == kLowLatency && !options_.low_latency) return AdminStatus::kUnsupported;
  return row->set(*this, command, memory);
}

void Features::reset() {
  steering_ = SteeringFeatures(options_.queue_pairs);
  low_latency_ = {};
  mtu_ = options_.mtu;
  resume();
}

void Features::resume() {
  data_path_.set_mtu(mtu_);
  data_path_.set_receive_steering(steering_.steering());
}

std::uint32_t Features::announced() const {
  std::uint32_t bits = 0;
  for (std::uint8_t number = 0; number < 32; ++number) {
    const Row* const row = find(number);
    if (row != nullptr && row->is_announced) bits |= 1u << number;
  }
  return options_.low_latency ? bits : bits & ~(1u << kLowLatency);
}

AdminStatus Features::get_attributes(AdminAnswer& answer) const {
  answer.store<std::uint32_t>(0, 1);  // impl_id
  answer.store<std::uint32_t>(4, 1);  // device_version
  answer.store(8, announced());
  answer.store(12, kStatisticsCapabilities);
  answer.store(16, kAddressBits);
  answer.store(20, kAddressBits);
  std::ranges::copy(options_.mac.bytes, answer.bytes.begin() + 24);
  answer.store(32, options_.mtu_max);
  return AdminStatus::kSuccess;
}

AdminStatus Features::get_queues(AdminAnswer& answer) const {
  answer.store<std::uint32_t>(0, options_.queue_pairs);
  answer.store<std::uint32_t>(4, kDepthMax);
  answer.store<std::uint32_t>(8, 2u * options_.queue_pairs);
  answer.store<std::uint32_t>(12, kDepthMax);
  // 16, 20: the older kind of low-latency queues, none.
  answer.store<std::uint32_t>(24, kHeaderBytesMax);
  answer.store(28, kTransmitDescriptorsMax);
  answer.store(30, kReceiveDescriptorsMax);
  return AdminStatus::kSuccess;
}

AdminStatus Features::get_queues_by_direction(AdminAnswer& answer) const {
  answer.bytes[0] = 1;                               // Version. Observed: Linux refuses others.
  for (const std::size_t number : {4, 8, 12, 16}) {  // Submission, completion; transmit, receive.
    answer.store<std::uint32_t>(number, options_.queue_pairs);
    answer.store<std::uint32_t>(number + 16, kDepthMax);
  }
  answer.store<std::uint32_t>(36, kHeaderBytesMax);
  answer.store(40, kTransmitDescriptorsMax);
  answer.store(42, kReceiveDescriptorsMax);
  return AdminStatus::kSuccess;
}

AdminStatus Features::get_hints(AdminAnswer& answer) const {
  answer.store(0, kRegisterReadMilliseconds);
  return AdminStatus::kSuccess;
}

AdminStatus Features::get_offloads(AdminAnswer& answer) const {
  answer.store(0, kTransmitOffloads);
  answer.store(4, kReceiveOffloads);
  answer.store(8, kReceiveOffloads);
  return AdminStatus::kSuccess;
}

AdminStatus Features::get_moderation(AdminAnswer& answer) const {
  answer.store(0, kModerationResolution);
  return AdminStatus::kSuccess;
}

AdminStatus Features::get_events(AdminAnswer& answer) const {
  answer.store(0, EventQueue::kSupportedGroups);
  answer.store(4, events_.groups());
  return AdminStatus::kSuccess;
}

AdminStatus Features::get_link(AdminAnswer& answer) const {
  answer.store(0, options_.link_mbps);
  answer.store(4, link_type(options_.link_mbps));
  answer.store(8, kLinkIsFullDuplex);
  return AdminStatus::kSuccess;
}

AdminStatus Features::set_mtu(const AdminCommand& command) {
  const auto mtu = command.load<std::uint32_t>(kFeatureData);
  if (mtu < kMtuMin || mtu > options_.mtu_max) return AdminStatus::kIllegalParameter;
  mtu_ = mtu;
  data_path_.set_mtu(mtu);
  return AdminStatus::kSuccess;
}

AdminStatus Features::set_events(const AdminCommand& command) {
  const auto groups = command.load<std::uint32_t>(kFeatureData + 4);
  if ((groups & ~EventQueue::kSupportedGroups) != 0) return AdminStatus::kIllegalParameter;
  events_.set_groups(groups);
  return AdminStatus::kSuccess;
}

AdminStatus Features::set_host(const AdminCommand& command, const pci::GuestMemory& memory) {
  auto host = HostInformation::read(memory, command.address(kFeatureData));
  if (!host) return AdminStatus::kIllegalParameter;
  host_ = std::move(host);
  return AdminStatus::kSuccess;
}

AdminStatus Features::tell_steering(AdminStatus status) {
  if (status == AdminStatus::kSuccess) data_path_.set_receive_steering(steering_.steering());
  return status;
}

}  // namespace enid::devices::ena
