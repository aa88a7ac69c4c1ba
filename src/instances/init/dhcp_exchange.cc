#include "instances/init/dhcp_exchange.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>

#include "wire/checksum.h"
#include "wire/dhcp_message.h"

namespace enid::instances {
namespace {

using wire::DhcpMessageType;
using wire::DhcpOption;

constexpr std::size_t kIpBytes = 20;
constexpr std::size_t kUdpBytes = 8;
constexpr std::size_t kOptionsOffset = 240;  // RFC 2131 section 2, the magic cookie included.
constexpr std::uint32_t kMagicCookie = 0x63825363;
constexpr std::uint8_t kUdp = 17;

constexpr std::array kWanted = {DhcpOption::kSubnetMask, DhcpOption::kRouter, DhcpOption::kDomainNameServer,
                                DhcpOption::kDomainName, DhcpOption::kInterfaceMtu};

void add_option(std::vector<std::uint8_t>& to, DhcpOption option, ConstBytes value) {
  to.push_back(static_cast<std::uint8_t>(option));
  to.push_back(static_cast<std::uint8_t>(value.size()));
  std::ranges::copy(value, std::back_inserter(to));
}

void add_option(std::vector<std::uint8_t>& to, DhcpOption option, Ipv4Address address) {
  std::array<std::uint8_t, 4> bytes;
  store_be32(bytes.data(), address.value);
  add_option(to, option, bytes);
}

// The UDP payload of an IPv4 packet for the client's port; empty for everything else.
ConstBytes dhcp_payload(ConstBytes packet) {
  if (packet.size() < kIpBytes || packet[0] >> 4 != 4 || packet[9] != kUdp) return {};
  const std::size_t header = std::size_t{4} * (packet[0] & 0xf);
  const std::size_t total = load_be16(packet.data() + 2);
  if (header < kIpBytes || total > packet.size() || total < header + kUdpBytes) return {};
  if ((load_be16(packet.data() + 6) & 0x3fff) != 0) return {};  // A fragment.
  const std::uint8_t* udp = packet.data() + header;
  const std::size_t length = load_be16(udp + 4);
  if (load_be16(udp + 2) != wire::kDhcpClientPort || length < kUdpBytes || length > total - header) return {};
  return packet.subspan(header + kUdpBytes, length - kUdpBytes);
}

struct Answer {
  std::uint8_t type = 0;
  std::optional<Ipv4Address> server;
  DhcpLease lease;
};

void read_option(Answer& answer, DhcpOption option, ConstBytes value) {
  const auto address = [&](std::size_t at) { return Ipv4Address{load_be32(value.data() + at)}; };
  const bool is_address = value.size() == 4;
  switch (option) {
    case DhcpOption::kMessageType:
      if (value.size() == 1) answer.type = value[0];
      break;
    case DhcpOption::kServerIdentifier:
      if (is_address) answer.server = address(0);
      break;
    case DhcpOption::kSubnetMask:
      if (is_address)
        answer.lease.prefix_length = static_cast<std::uint8_t>(std::countl_one(address(0).value));
      break;
    case DhcpOption::kRouter:
      if (value.size() >= 4) answer.lease.router = address(0);
      break;
    case DhcpOption::kDomainNameServer:
      for (std::size_t at = 0; at + 4 <= value.size(); at += 4)
        answer.lease.name_servers.push_back(address(at));
      break;
    case DhcpOption::kDomainName:
      if (is_domain(as_text(value))) answer.lease.domain = as_text(value);
      break;
    case DhcpOption::kInterfaceMtu:
      if (value.size() == 2 && load_be16(value.data()) >= 68) answer.lease.mtu = load_be16(value.data());
      break;
    default:
      break;
  }
}

std::optional<Answer> parse_answer(ConstBytes message, const MacAddress& mac, std::uint32_t transaction_id) {
  if (message.size() < kOptionsOffset || message[0] != 2) return std::nullopt;
  const std::uint8_t* p = message.data();
  if (load_be32(p + 4) != transaction_id || load_be32(p + 236) != kMagicCookie) return std::nullopt;
  if (!std::equal(mac.bytes.begin(), mac.bytes.end(), p + 28)) return std::nullopt;
  Answer answer;
  answer.lease.address = Ipv4Address{load_be32(p + 16)};
  ConstBytes options = message.subspan(kOptionsOffset);
  while (!options.empty() && options[0] != static_cast<std::uint8_t>(DhcpOption::kEnd)) {
    if (options[0] == static_cast<std::uint8_t>(DhcpOption::kPad)) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options.size() - 2 < options[1]) return std::nullopt;
    read_option(answer, static_cast<DhcpOption>(options[0]), options.subspan(2, options[1]));
    options = options.subspan(std::size_t{2} + options[1]);
  }
  return answer;
}

}  // namespace

std::vector<std::uint8_t> DhcpExchange::packet() const {
  std::vector<std::uint8_t> bytes(kIpBytes + kUdpBytes + kOptionsOffset);
  std::uint8_t* dhcp = bytes.data() + kIpBytes + kUdpBytes;
  dhcp[0] = 1;  // BOOTREQUEST, over Ethernet's six bytes.
  dhcp[1] = 1;
  dhcp[2] = 6;
  store_be32(dhcp + 4, transaction_id_);
  std::ranges::copy(mac_.bytes, dhcp + 28);
  store_be32(dhcp + 236, kMagicCookie);

  const auto type =
      static_cast<std::uint8_t>(offered_ ? DhcpMessageType::kRequest : DhcpMessageType::kDiscover);
  add_option(bytes, DhcpOption::kMessageType, ConstBytes(&type, 1));
  if (offered_) add_option(bytes, DhcpOption::kRequestedAddress, *offered_);
  if (offered_ && server_) add_option(bytes, DhcpOption::kServerIdentifier, *server_);
  std::array<std::uint8_t, kWanted.size()> wanted{};
  std::ranges::transform(kWanted, wanted.begin(),
                         [](DhcpOption option) { return static_cast<std::uint8_t>(option); });
  constexpr auto kParameterRequestList = static_cast<DhcpOption>(55);
  add_option(bytes, kParameterRequestList, wanted);
  bytes.push_back(static_cast<std::uint8_t>(DhcpOption::kEnd));
  bytes.resize(std::max(bytes.size(), kIpBytes + kUdpBytes + 300));  // RFC 1542 section 2.1.

  std::uint8_t* ip = bytes.data();
  ip[0] = 0x45;
  store_be16(ip + 2, static_cast<std::uint16_t>(bytes.size()));
  ip[8] = 64;
  ip[9] = kUdp;
  store_be32(ip + 16, 0xffffffff);
  store_be16(ip + 10, wire::internet_checksum(ConstBytes(bytes).first(kIpBytes)));
  std::uint8_t* udp = bytes.data() + kIpBytes;
  store_be16(udp, wire::kDhcpClientPort);
  store_be16(udp + 2, wire::kDhcpServerPort);
  store_be16(udp + 4, static_cast<std::uint16_t>(bytes.size() - kIpBytes));
  const std::uint64_t pseudo =
      wire::pseudo_header_sum(Ipv4Address{}, Ipv4Address{0xffffffff}, kUdp, bytes.size() - kIpBytes);
  store_be16(udp + 6, wire::internet_checksum(ConstBytes(bytes).subspan(kIpBytes), pseudo));
  return bytes;
}

DhcpExchange::Heard DhcpExchange::on_packet(ConstBytes packet) {
  const std::optional<Answer> answer = parse_answer(dhcp_payload(packet), mac_, transaction_id_);
  if (!answer) return Heard::kNothing;
  if (!offered_ && answer->type == static_cast<std::uint8_t>(DhcpMessageType::kOffer)) {
    offered_ = answer->lease.address;
    server_ = answer->server;
    return Heard::kOffer;
  }
  if (offered_ && answer->type == static_cast<std::uint8_t>(DhcpMessageType::kAcknowledge)) {
    lease_ = answer->lease;
    return Heard::kLease;
  }
  // A refusal: the next packet is a DISCOVER again.
  if (answer->type == static_cast<std::uint8_t>(DhcpMessageType::kRefuse)) offered_.reset();
  return Heard::kNothing;
}

}  // namespace enid::instances
