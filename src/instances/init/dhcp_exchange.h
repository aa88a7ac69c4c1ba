// DhcpExchange: one DHCP exchange, from DISCOVER to ACK, without waiting and without a socket.
//
// Theory of operation
//   An interface's lasting client is udhcpc. But udhcpc opens and closes a packet socket for
//   each message, and the kernel closes one only after an RCU grace period: seven of them, 80
//   to 130 ms before the first address (measured on the reference machine; dhclient needs 90
//   to 130). A moved interface should answer within 50 ms. So the init makes the first
//   exchange itself, over one socket, in 1 ms, and starts udhcpc behind it, which asks the
//   same server, gets the same answer and keeps the lease. When the server is silent, nothing
//   is lost: udhcpc starts anyway.
//
//   This class builds the packets and reads the answers (IPv4 packets, no Ethernet header);
//   its owner sends, receives, and repeats what is unanswered.
//
// Documented: RFC 2131 sections 3.1 and 4.4.1 (client), RFC 2132 (options).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "instances/init/dhcp_lease.h"

namespace enid::instances {

class DhcpExchange {
 public:
  DhcpExchange(const MacAddress& mac, std::uint32_t transaction_id)
      : mac_(mac), transaction_id_(transaction_id) {}

  // DISCOVER, or the REQUEST for what was offered. To be sent to the broadcast address.
  std::vector<std::uint8_t> packet() const;

  enum class Heard : std::uint8_t { kNothing, kOffer, kLease };
  // After kOffer, packet() is another one and is due at once; after kLease, lease() is set.
  Heard on_packet(ConstBytes packet);

  const std::optional<DhcpLease>& lease() const { return lease_; }

 private:
  MacAddress mac_;
  std::uint32_t transaction_id_;
  std::optional<Ipv4Address> offered_;
  std::optional<Ipv4Address> server_;
  std::optional<DhcpLease> lease_;
};

}  // namespace enid::instances
