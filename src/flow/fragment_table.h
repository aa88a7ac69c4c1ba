// FragmentTable: the ports of the IPv4 datagrams whose first fragment an interface has sent.
//
// Theory of operation
//   Only a datagram's first fragment has ports; the others must be judged like it. The table
//   remembers the ports by (addresses, protocol, identification) in a small array of fixed
//   places; a newer datagram overwrites an older one of the same place. A later fragment
//   whose first is not known is dropped: its datagram is sent again or lost, as with any loss.
//
// Chosen: 64 datagrams in flight per interface, 30 s (RFC 791 suggests 15 s for reassembly,
//   Linux waits 30 s).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace enid::flow {

struct FragmentKey {
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::uint16_t identification = 0;
  std::uint8_t protocol = 0;

  bool operator==(const FragmentKey&) const = default;
};

struct FragmentPorts {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

class FragmentTable {
 public:
  void remember(const FragmentKey& key, FragmentPorts ports, Instant now) {
    places_[place_of(key)] = {key, ports, now + kLifetime};
  }
  std::optional<FragmentPorts> find(const FragmentKey& key, Instant now) const {
    const Place& place = places_[place_of(key)];
    if (place.key != key || place.expires_at < now) return std::nullopt;
    return place.ports;
  }

 private:
  static constexpr std::size_t kPlaces = 64;
  static constexpr Duration kLifetime = Duration::from_seconds(30);
  struct Place {
    FragmentKey key;
    FragmentPorts ports;
    Instant expires_at{-1};
  };
  static std::size_t place_of(const FragmentKey& key) {
    // Identifications mostly count upwards, so neighbours in time take neighbouring places.
    return (key.identification + key.source + key.destination * 7) % kPlaces;
  }
  std::array<Place, kPlaces> places_{};
};

}  // namespace enid::flow
