#include "instances/init/dhcp_exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "wire/checksum.h"
#include "wire/dhcp_message.h"

namespace enid::instances {
namespace {

constexpr MacAddress kMac{{2, 0, 0, 0, 0, 9}};

std::optional<wire::DhcpRequest> request_in(const std::vector<std::uint8_t>& packet) {
  return wire::DhcpRequest::parse(ConstBytes(packet).subspan(28));
}

// What a server says to a packet of the exchange.
std::vector<std::uint8_t> answer(const std::vector<std::uint8_t>& packet, wire::DhcpMessageType type) {
  wire::DhcpReplyWriter reply(*request_in(packet), type);
  reply.set_your_address(*Ipv4Address::parse("10.0.1.100"));
  reply.add(wire::DhcpOption::kServerIdentifier, *Ipv4Address::parse("10.0.1.1"));
  reply.add(wire::DhcpOption::kSubnetMask, *Ipv4Address::parse("255.255.255.0"));
  reply.add(wire::DhcpOption::kRouter, *Ipv4Address::parse("10.0.1.1"));
  reply.add(wire::DhcpOption::kDomainNameServer, *Ipv4Address::parse("10.0.0.2"));
  reply.add_text(wire::DhcpOption::kDomainName, "ec2.internal");
  reply.add_u16(wire::DhcpOption::kInterfaceMtu, 9001);
  const std::vector<std::uint8_t> message = std::move(reply).finish();
  std::vector<std::uint8_t> bytes(28);
  bytes[0] = 0x45;
  bytes[9] = 17;
  store_be16(&bytes[2], static_cast<std::uint16_t>(28 + message.size()));
  store_be16(&bytes[20], 67);
  store_be16(&bytes[22], 68);
  store_be16(&bytes[24], static_cast<std::uint16_t>(8 + message.size()));
  bytes.insert(bytes.end(), message.begin(), message.end());
  return bytes;
}

TEST(DhcpExchange, discovers_requests_what_was_offered_and_has_its_lease) {
  DhcpExchange exchange(kMac, 77);
  const auto discover = exchange.packet();
  ASSERT_TRUE(request_in(discover));
  EXPECT_EQ(request_in(discover)->type, wire::DhcpMessageType::kDiscover);
  EXPECT_EQ(request_in(discover)->client_mac, kMac);
  EXPECT_EQ(wire::internet_checksum(ConstBytes(discover).first(20)), 0);

  ASSERT_EQ(exchange.on_packet(answer(discover, wire::DhcpMessageType::kOffer)), DhcpExchange::Heard::kOffer);
  const auto request = exchange.packet();
  EXPECT_EQ(request_in(request)->type, wire::DhcpMessageType::kRequest);
  EXPECT_EQ(request_in(request)->requested_address->text(), "10.0.1.100");
  EXPECT_EQ(request_in(request)->server_identifier->text(), "10.0.1.1");

  ASSERT_EQ(exchange.on_packet(answer(request, wire::DhcpMessageType::kAcknowledge)),
            DhcpExchange::Heard::kLease);
  EXPECT_EQ(exchange.lease()->subnet().text(), "10.0.1.0/24");
  EXPECT_EQ(exchange.lease()->router->text(), "10.0.1.1");
  EXPECT_EQ(exchange.lease()->domain, "ec2.internal");
  EXPECT_EQ(exchange.lease()->mtu, 9001);
}

TEST(DhcpExchange, discovers_again_after_a_refusal) {
  DhcpExchange exchange(kMac, 77);
  exchange.on_packet(answer(exchange.packet(), wire::DhcpMessageType::kOffer));
  exchange.on_packet(answer(exchange.packet(), wire::DhcpMessageType::kRefuse));
  EXPECT_EQ(request_in(exchange.packet())->type, wire::DhcpMessageType::kDiscover);
}

TEST(DhcpExchange, answers_for_others_and_cut_answers_are_nothing) {
  DhcpExchange exchange(kMac, 77);
  DhcpExchange other(kMac, 78);
  EXPECT_EQ(exchange.on_packet(answer(other.packet(), wire::DhcpMessageType::kOffer)),
            DhcpExchange::Heard::kNothing);
  const auto offer = answer(exchange.packet(), wire::DhcpMessageType::kOffer);
  for (std::size_t size = 0; size < offer.size(); ++size)
    EXPECT_EQ(exchange.on_packet(ConstBytes(offer).first(size)), DhcpExchange::Heard::kNothing) << size;
}

}  // namespace
}  // namespace enid::instances
