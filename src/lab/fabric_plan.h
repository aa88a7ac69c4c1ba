// FabricPlan: the network of a lab on paper: its hosts, spines and links, their names and addresses.
//
// Theory of operation
//   A leaf-spine network without the leaves: every host has one link to every spine, so there are as many
//   paths between two hosts as spines. Hosts and spines are network namespaces; the kernel routes.
//
//     namespace  enid-lab-host-2, enid-lab-spine-1; of a lab with a name: enid-lab-NAME-host-2
//     100.64.0.H   host H, on its loopback: what everyone sends to; over all spines, by flow
//     100.64.S.H   host H's end of its link to spine S: only by way of spine S (subflows of MPTCP, ping)
//     100.65.S.H   spine S's end of that link
//
//   100.64.0.0/10 is for carriers' own networks (RFC 6598): neither a VPC nor the machine's own network has
//   these addresses, and they lie in namespaces, so that labs do not meet.
//
// Invariants: hosts and spines are counted from 1; a plan that make() answered is within all limits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"

namespace enid::lab {

// What is wrong with a link, in both directions.
struct Impairment {
  std::uint64_t rate = 0;  // Bits a second; 0: the plan's.
  Duration delay = {};     // One way, on top of the plan's.
  std::uint32_t loss = 0;  // Millionths of the packets.
  bool down = false;       // As if the cable were pulled: both ends notice.
  bool operator==(const Impairment&) const = default;
};

struct LinkId {
  std::uint16_t host = 0;
  std::uint16_t spine = 0;
  auto operator<=>(const LinkId&) const = default;
};

struct FabricPlan {
  std::string name = {};  // Empty: the one that needs no name.
  std::uint16_t hosts = 4;
  std::uint16_t spines = 4;
  std::uint64_t rate = 0;  // Of each link, bits a second; 0: as fast as the machine is.
  Duration delay = {};     // Of each link, one way.
  // What waits before a link of limited rate, each way, as in a switch's port: Chosen: about 28 jumbo frames;
  // ports of 100 Gbit/s have some 50 of 9 kB.
  std::uint32_t buffer_bytes = 256 * 1024;
  // Chosen: what switches call jumbo frames; 9001 bytes of an instance fit with any header of ours.
  std::uint32_t mtu = 9216;
  std::uint64_t seed = 1;  // Of losses, and of the kernel's choice of paths.

  static constexpr std::uint16_t kHostsMax = 64;
  static constexpr std::uint16_t kSpinesMax = 32;
  static constexpr std::uint32_t kMtuMin = 9101;
  static constexpr std::uint32_t kMtuMax = 65'000;

  // Refused with a message for people when a number is beyond its limit.
  Result<void> check() const;

  std::string host_namespace(std::uint16_t host) const;
  std::string spine_namespace(std::uint16_t spine) const;
  // Whether a namespace of this name is part of this lab, whatever its number.
  bool is_namespace_of_ours(std::string_view namespace_name) const;
  std::vector<LinkId> links() const;
};

// What a lab's name may be: short words of small letters and digits.
Result<void> check_lab_name(std::string_view name);

Ipv4Address host_address(std::uint16_t host);
Ipv4Address host_link_address(LinkId link);
Ipv4Address spine_link_address(LinkId link);
inline constexpr Ipv4Prefix kHostAddresses{{0x64400000}, 24};
Ipv4Prefix plane_addresses(std::uint16_t spine);
MacAddress host_link_mac(LinkId link);
MacAddress spine_link_mac(LinkId link);
std::string host_link_name(LinkId link);   // Of the device in the host: "spine-1".
std::string spine_link_name(LinkId link);  // Of the device in the spine: "host-2".
// Of the devices through which an impaired link's packets pass: see link_forwarder.h.
std::string forwarder_device_name(std::string_view link_name);

// The links that a name means: "spine2", "host-3", "host-1:spine-2", "all".
Result<std::vector<LinkId>> parse_links(const FabricPlan& plan, std::string_view text);
std::string link_text(LinkId link);

}  // namespace enid::lab
