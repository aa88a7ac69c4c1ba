#include "devices/ena/admin_statistics.h"

#include <array>

namespace enid::devices::ena {
namespace {

constexpr std::size_t kKind = 16;
constexpr std::size_t kScope = 17;
constexpr std::size_t kQueue = 20;
constexpr std::size_t kDevice = 22;
constexpr std::size_t kRequestedMetrics = 24;

// ena_admin_get_stats_type
constexpr std::uint8_t kBasic = 0;
constexpr std::uint8_t kAllowances = 2;
constexpr std::uint8_t kSrd = 3;
constexpr std::uint8_t kCustomerMetrics = 4;

// ena_admin_get_stats_scope
constexpr std::uint8_t kSpecificQueue = 0;
constexpr std::uint16_t kOwnDevice = 0xffff;

// In the order of ena_admin_customer_metrics_id; the first five are also those of ena_admin_eni_stats.
constexpr std::size_t kMetrics = 6;
constexpr std::size_t kAllowanceMetrics = 5;

std::array<std::uint64_t, kMetrics> metrics_of(const AllowanceStatistics& a) {
  return {a.bandwidth_in_exceeded, a.bandwidth_out_exceeded, a.packets_exceeded,
          a.connections_exceeded,  a.link_local_exceeded,    a.connections_available};
}

// Those requested, one after the other in the driver's buffer. A driver without a buffer asks only which
// there are.
AdminStatus get_customer_metrics(const AdminCommand& command, AdminAnswer& answer,
                                 const DataPathStatistics& statistics, const pci::GuestMemory& memory) {
  const auto requested = command.load<std::uint64_t>(kRequestedMetrics) & ((1u << kMetrics) - 1);
  answer.store(0, requested);
  if (command.buffer_length() == 0) return AdminStatus::kSuccess;
  const auto metrics = metrics_of(statistics.allowances);
  std::array<std::uint8_t, kMetrics * 8> buffer{};
  std::size_t used = 0;
  for (std::size_t i = 0; i < kMetrics; ++i) {
    if ((requested >> i & 1) == 0) continue;
    pci::store_little_endian(buffer.data() + used, metrics[i]);
    used += 8;
  }
  if (command.buffer_length() < used) return AdminStatus::kMalformed;
  return memory.write(command.buffer_address(), ConstBytes(buffer).first(used))
             ? AdminStatus::kSuccess
             : AdminStatus::kIllegalParameter;
}

// ena_admin_basic_stats of the interface, or of one pair of queues.
AdminStatus get_basic(const AdminCommand& command, AdminAnswer& answer,
                      const DataPathStatistics& statistics) {
  QueueStatistics sent{statistics.transmitted_packets, statistics.transmitted_bytes,
                       statistics.transmit_drops, 0};
  QueueStatistics received{statistics.received_packets, statistics.received_bytes, statistics.receive_drops,
                           statistics.receive_overruns};
  if (command.bytes[kScope] == kSpecificQueue && command.load<std::uint16_t>(kDevice) == kOwnDevice) {
    const auto queue = command.load<std::uint16_t>(kQueue);
    if (queue >= kQueuePairsMax) return AdminStatus::kIllegalParameter;
    sent = statistics.transmit[queue];
    received = statistics.receive[queue];
  }
  answer.store(0, sent.bytes);
  answer.store(8, sent.packets);
  answer.store(16, received.bytes);
  answer.store(24, received.packets);
  answer.store(32, received.drops);
  answer.store(40, sent.drops);
  answer.store(48, received.overruns);
  return AdminStatus::kSuccess;
}

}  // namespace

AdminStatus get_statistics(const AdminCommand& command, AdminAnswer& answer,
                           const DataPathStatistics& statistics, const pci::GuestMemory& memory) {
  switch (command.bytes[kKind]) {
    case kBasic:
      return get_basic(command, answer, statistics);
    case kAllowances: {
      const auto metrics = metrics_of(statistics.allowances);
      for (std::size_t i = 0; i < kAllowanceMetrics; ++i) answer.store(i * 8, metrics[i]);
      return AdminStatus::kSuccess;
    }
    case kSrd: {
      const SrdStatistics& srd = statistics.srd;
      answer.store(0, srd.flags);
      answer.store(8, srd.tx_pkts);
      answer.store(16, srd.eligible_tx_pkts);
      answer.store(24, srd.rx_pkts);
      answer.store(32, srd.resource_utilization);
      return AdminStatus::kSuccess;
    }
    case kCustomerMetrics:
      return get_customer_metrics(command, answer, statistics, memory);
    default:
      return AdminStatus::kUnsupported;
  }
}

}  // namespace enid::devices::ena
