// ServicePacket: an IPv4 packet for a service, read once; and the writers of the answers.
//
// Theory of operation
//   parse() reads the headers by wire/ and verifies the checksums, which wire/ leaves to its
//   callers: the pipeline passes on what it need not judge, a service acts on it. A ReturnPath is everything
//   an answer's headers are made from; it holds no pointers, so a service that answers later keeps one.
//
// Invariants
//   (1) Views of a packet point into the frame it was parsed from.
//   (2) Whatever write_*() puts out has complete IPv4 and UDP or TCP checksums and DF set.
//
// Documented: RFC 9293 section 3.2 (options). An incoming frame whose checksum was left to
// an offload (virtio 1.2, 5.1.6.2) or was verified by one comes from memory, not from a wire; its
// L4 checksum is not looked at.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "card/ports/frame_port.h"
#include "card/services/service_frames.h"
#include "card/services/service_interface.h"
#include "wire/ethernet.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace enid::card {

constexpr std::size_t kEthernetHeaderBytes = wire::EthernetHeader::kBytes;
constexpr std::size_t kIpv4HeaderBytes = wire::Ipv4Header::kBytesMin;
constexpr std::size_t kUdpHeaderBytes = wire::UdpHeader::kBytes;
constexpr std::size_t kTcpHeaderBytes = wire::TcpHeader::kBytesMin;
constexpr std::uint8_t kTimeToLive = 64;

struct TcpFlags {
  bool fin = false;
  bool syn = false;
  bool rst = false;
  bool psh = false;
  bool ack = false;
};

struct TcpSegment {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  TcpFlags flags;
  std::uint16_t window = 0;
  std::uint16_t segment_bytes_max = 0;  // The MSS option; 0: not there.
};

struct ServicePacket {
  MacAddress target_mac;
  Ipv4Address source;
  Ipv4Address target;
  std::uint8_t protocol = 0;
  // UDP and TCP only; the payload ICMP, too.
  std::uint16_t source_port = 0;
  std::uint16_t target_port = 0;
  ConstBytes payload;
  TcpSegment tcp;  // TCP only.

  // `frame` must hold an IPv4 packet by its EtherType. Empty: malformed, or a fragment.
  static std::optional<ServicePacket> parse(const Frame& frame);
};

struct ReturnPath {
  InterfaceHandle to = 0;
  MacAddress source_mac;
  MacAddress target_mac;
  Ipv4Address source;
  Ipv4Address target;
  std::uint16_t source_port = 0;
  std::uint16_t target_port = 0;
  std::uint16_t mtu = 0;
  std::uint8_t time_to_live = kTimeToLive;

  static ReturnPath of(const ServiceInterface& from, const ServicePacket& packet);
};

// False when the answer did not fit into `out` or is larger than the path's MTU.
bool write_udp(ServiceFrames& out, const ReturnPath& path, ConstBytes payload);
bool write_tcp(ServiceFrames& out, const ReturnPath& path, const TcpSegment& segment, ConstBytes payload);

}  // namespace enid::card
