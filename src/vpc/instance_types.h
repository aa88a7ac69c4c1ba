// Instance types: how many interfaces and addresses each may have, its cards and bandwidth.
//
//   The table is src/vpc/data/instance-types.csv, turned into constants at build time by
//   tools/codegen/instance_types.py. Origin and licence: src/vpc/data/NOTICE.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace enid::vpc {

enum class Support : std::uint8_t { kUnsupported, kSupported, kRequired };

struct InstanceType {
  std::string_view name;
  bool current_generation;
  bool bare_metal;
  std::string_view hypervisor;     // "nitro", "xen" or empty.
  std::string_view architectures;  // Joined by '+': "i386+x86_64".
  std::int32_t vcpus;
  std::int64_t memory_mib;
  std::int32_t max_enis;      // Over all network cards.
  std::int32_t ipv4_per_eni;  // A delegated prefix counts as one.
  std::int32_t ipv6_per_eni;
  std::int32_t network_cards;
  std::int32_t default_card;
  std::string_view cards;           // See the NOTICE.
  std::int32_t max_efa_interfaces;  // 0: no EFA.
  Support ena;
  bool ena_express;
  bool encryption_in_transit;
  std::string_view network_performance;  // "Up to 5 Gigabit"
  double baseline_gbps;
  double peak_gbps;
  std::int32_t tcp_established_timeout;  // Seconds; defaults of connection tracking.
  std::int32_t udp_stream_timeout;
  std::int32_t udp_timeout;
  std::string_view placement_strategies;  // Joined by '+'.
  bool jumbo_frames;                      // MTU 9001; 1500 otherwise.
};

std::span<const InstanceType> instance_types();  // In order of their names.
const InstanceType* find_instance_type(std::string_view name);

}  // namespace enid::vpc
