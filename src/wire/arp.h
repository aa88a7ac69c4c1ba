// ARP for IPv4 over Ethernet. Documented: RFC 826; probes and announcements RFC 5227.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace enid::wire {

struct ArpPacket {
  static constexpr std::size_t kBytes = 28;
  static constexpr std::uint16_t kRequest = 1;
  static constexpr std::uint16_t kReply = 2;

  std::uint16_t operation = kRequest;
  MacAddress sender_mac;
  Ipv4Address sender_address;
  MacAddress target_mac;
  Ipv4Address target_address;

  // `payload` follows the Ethernet header. Empty for anything but IPv4 over Ethernet.
  static std::optional<ArpPacket> parse(ConstBytes payload);
  void write(Bytes payload) const;
};

inline std::optional<ArpPacket> ArpPacket::parse(ConstBytes payload) {
  if (payload.size() < kBytes) return std::nullopt;
  const std::uint8_t* p = payload.data();
  if (load_be16(p) != 1 || load_be16(p + 2) != 0x0800 || p[4] != 6 || p[5] != 4) return std::nullopt;
  ArpPacket packet;
  packet.operation = load_be16(p + 6);
  std::memcpy(packet.sender_mac.bytes.data(), p + 8, 6);
  packet.sender_address = {load_be32(p + 14)};
  std::memcpy(packet.target_mac.bytes.data(), p + 18, 6);
  packet.target_address = {load_be32(p + 24)};
  return packet;
}

inline void ArpPacket::write(Bytes payload) const {
  std::uint8_t* p = payload.data();
  store_be16(p, 1);           // Hardware: Ethernet.
  store_be16(p + 2, 0x0800);  // Protocol: IPv4.
  p[4] = 6;
  p[5] = 4;
  store_be16(p + 6, operation);
  std::memcpy(p + 8, sender_mac.bytes.data(), 6);
  store_be32(p + 14, sender_address.value);
  std::memcpy(p + 18, target_mac.bytes.data(), 6);
  store_be32(p + 24, target_address.value);
}

}  // namespace enid::wire
