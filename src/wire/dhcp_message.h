// DHCP messages: RFC 2131 section 2 (format) and RFC 2132 (options), client to server and back.
//
//   DhcpRequest::parse() is the only place that compares lengths. It reads the options field
//   and, when option 52 says so, the `file` and `sname` fields that carry more options. An
//   option that comes twice is taken once: the first is kept (RFC 3396's joining of long
//   options is of no use to a server that reads only short ones).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace enid::wire {

constexpr std::uint16_t kDhcpServerPort = 67;
constexpr std::uint16_t kDhcpClientPort = 68;

enum class DhcpMessageType : std::uint8_t {
  kDiscover = 1,
  kOffer = 2,
  kRequest = 3,
  kDecline = 4,
  kAcknowledge = 5,
  kRefuse = 6,  // DHCPNAK
  kRelease = 7,
  kInform = 8,
};

// RFC 2132, by section.
enum class DhcpOption : std::uint8_t {
  kPad = 0,
  kSubnetMask = 1,
  kRouter = 3,
  kDomainNameServer = 6,
  kHostName = 12,
  kDomainName = 15,
  kInterfaceMtu = 26,
  kBroadcastAddress = 28,
  kRequestedAddress = 50,
  kLeaseTime = 51,
  kOptionOverload = 52,
  kMessageType = 53,
  kServerIdentifier = 54,
  kMaximumMessageSize = 57,
  kRenewalTime = 58,
  kRebindingTime = 59,
  kEnd = 255,
};

// What a client sent, checked.
struct DhcpRequest {
  DhcpMessageType type = DhcpMessageType::kDiscover;
  std::uint32_t transaction_id = 0;
  bool broadcast = false;      // The client cannot take a unicast answer before it has an address.
  Ipv4Address client_address;  // ciaddr: the address the client has and answers ARP for, or 0.
  Ipv4Address relay_address;   // giaddr: 0 when no relay agent stands between.
  MacAddress client_mac;       // chaddr
  std::optional<Ipv4Address> requested_address;
  std::optional<Ipv4Address> server_identifier;

  // Empty for whatever is not a well-formed BOOTREQUEST with a message type, over Ethernet.
  static std::optional<DhcpRequest> parse(ConstBytes message);
};

// Builds a BOOTREPLY. Options keep the order of the calls; finish() adds the end mark and pads
// to the 300 bytes that old BOOTP clients want (RFC 1542 section 2.1).
class DhcpReplyWriter {
 public:
  DhcpReplyWriter(const DhcpRequest& request, DhcpMessageType type);

  void set_your_address(Ipv4Address address);    // yiaddr
  void set_client_address(Ipv4Address address);  // ciaddr
  void add(DhcpOption option, ConstBytes value);
  void add(DhcpOption option, Ipv4Address value);
  void add_u16(DhcpOption option, std::uint16_t value);
  void add_u32(DhcpOption option, std::uint32_t value);
  void add_text(DhcpOption option, std::string_view value);  // Left out when empty or over 255 bytes.
  std::vector<std::uint8_t> finish() &&;

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace enid::wire
