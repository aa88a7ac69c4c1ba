#include "card/services/dhcp_server.h"

#include <gtest/gtest.h>

#include "card/services/scripted_client.h"
#include "wire/dhcp_message.h"

namespace enid::card {
namespace {

using wire::DhcpMessageType;
using wire::DhcpOption;

constexpr std::size_t kOptions = 240;

struct Request {
  DhcpMessageType type = DhcpMessageType::kDiscover;
  std::uint16_t flags = 0;
  std::string_view client_address = "0.0.0.0";
  std::string_view requested = "";
  std::string_view server = "";
  std::string_view relay = "0.0.0.0";
};

std::vector<std::uint8_t> message_of(const ScriptedClient& client, const Request& request) {
  std::vector<std::uint8_t> bytes(kOptions);
  bytes[0] = bytes[1] = 1;
  bytes[2] = 6;
  store_be32(&bytes[4], 0xabcd1234);
  store_be16(&bytes[10], request.flags);
  store_be32(&bytes[12], address_of(request.client_address).value);
  store_be32(&bytes[24], address_of(request.relay).value);
  std::ranges::copy(client.mac.bytes, &bytes[28]);
  store_be32(&bytes[236], 0x63825363);
  bytes.insert(bytes.end(), {53, 1, static_cast<std::uint8_t>(request.type)});
  const auto add = [&](std::uint8_t option, std::string_view address) {
    if (address.empty()) return;
    bytes.insert(bytes.end(), {option, 4, 0, 0, 0, 0});
    store_be32(&bytes[bytes.size() - 4], address_of(address).value);
  };
  add(50, request.requested);
  add(54, request.server);
  bytes.push_back(255);
  return bytes;
}

ServiceVerdict send(ScriptedClient& client, const Request& request) {
  ReturnPath path = client.path_to(Ipv4Address{0xffffffff}, 67, 68);
  path.source = address_of(request.client_address);
  path.target_mac = wire::kBroadcastMac;
  return client.send_udp(path, message_of(client, request));
}

ConstBytes option_of(ConstBytes message, DhcpOption wanted) {
  for (std::size_t at = kOptions; at + 1 < message.size() && message[at] != 255; at += 2u + message[at + 1])
    if (message[at] == static_cast<std::uint8_t>(wanted)) return message.subspan(at + 2, message[at + 1]);
  return {};
}

DhcpMessageType type_of(const ServicePacket& packet) {
  return static_cast<DhcpMessageType>(option_of(packet.payload, DhcpOption::kMessageType)[0]);
}

TEST(DhcpServer, offers_the_primary_address_with_everything_ec2_gives) {
  ScriptedClient client;
  EXPECT_EQ(send(client, {}), ServiceVerdict::kServed);
  const auto offer = client.next_packet();
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->source.text(), "10.0.1.1");
  EXPECT_EQ(offer->target.text(), "10.0.1.5");
  EXPECT_EQ(offer->target_mac, client.mac);
  EXPECT_EQ(offer->source_port, 67);
  EXPECT_EQ(offer->target_port, 68);
  const ConstBytes message = offer->payload;
  EXPECT_EQ(type_of(*offer), DhcpMessageType::kOffer);
  EXPECT_EQ(load_be32(&message[4]), 0xabcd1234u);
  EXPECT_EQ(Ipv4Address{load_be32(&message[16])}.text(), "10.0.1.5");
  const auto address = [&](DhcpOption option) {
    return Ipv4Address{load_be32(option_of(message, option).data())}.text();
  };
  EXPECT_EQ(address(DhcpOption::kSubnetMask), "255.255.255.0");
  EXPECT_EQ(address(DhcpOption::kRouter), "10.0.1.1");
  EXPECT_EQ(address(DhcpOption::kDomainNameServer), "10.0.0.2");
  EXPECT_EQ(address(DhcpOption::kServerIdentifier), "10.0.1.1");
  EXPECT_EQ(address(DhcpOption::kBroadcastAddress), "10.0.1.255");
  EXPECT_EQ(load_be32(option_of(message, DhcpOption::kLeaseTime).data()), 3600u);
  EXPECT_EQ(load_be16(option_of(message, DhcpOption::kInterfaceMtu).data()), 9001);
  EXPECT_EQ(as_text(option_of(message, DhcpOption::kHostName)), "ip-10-0-1-5");
  EXPECT_EQ(as_text(option_of(message, DhcpOption::kDomainName)), "ec2.internal");
}

// RFC 2131 section 4.3.2, each kind of request.
TEST(DhcpServer, acknowledges_its_address_and_refuses_others) {
  struct Row {
    std::string_view name;
    Request request;
    std::optional<DhcpMessageType> answer;
    std::string_view target;
  };
  constexpr DhcpMessageType kRequest = DhcpMessageType::kRequest;
  constexpr DhcpMessageType kYes = DhcpMessageType::kAcknowledge;
  constexpr DhcpMessageType kNo = DhcpMessageType::kRefuse;
  const std::vector<Row> rows{
      {"selecting", {.type = kRequest, .requested = "10.0.1.5", .server = "10.0.1.1"}, kYes, "10.0.1.5"},
      {"broadcast flag",
       {.type = kRequest, .flags = 0x8000, .requested = "10.0.1.5", .server = "10.0.1.1"},
       kYes,
       "255.255.255.255"},
      {"selecting another server",
       {.type = kRequest, .requested = "10.0.1.5", .server = "10.0.1.2"},
       std::nullopt,
       ""},
      {"selecting another address",
       {.type = kRequest, .requested = "10.0.1.6", .server = "10.0.1.1"},
       kNo,
       "255.255.255.255"},
      {"after a reboot", {.type = kRequest, .requested = "10.0.1.5"}, kYes, "10.0.1.5"},
      {"after a move", {.type = kRequest, .requested = "192.0.2.5"}, kNo, "255.255.255.255"},
      {"renewing", {.type = kRequest, .client_address = "10.0.1.5"}, kYes, "10.0.1.5"},
      {"renewing another's", {.type = kRequest, .client_address = "10.0.1.9"}, kNo, "255.255.255.255"},
      {"asking for the rest",
       {.type = DhcpMessageType::kInform, .client_address = "10.0.1.6"},
       kYes,
       "10.0.1.6"},
      {"going", {.type = DhcpMessageType::kRelease, .client_address = "10.0.1.5"}, std::nullopt, ""},
      {"declining", {.type = DhcpMessageType::kDecline, .requested = "10.0.1.5"}, std::nullopt, ""},
      {"playing the server", {.type = DhcpMessageType::kOffer}, std::nullopt, ""},
  };
  for (const Row& row : rows) {
    ScriptedClient client;
    EXPECT_EQ(send(client, row.request), ServiceVerdict::kServed) << row.name;
    const auto packet = client.next_packet();
    EXPECT_EQ(packet.has_value(), row.answer.has_value()) << row.name;
    if (!packet || !row.answer) continue;
    EXPECT_EQ(type_of(*packet), *row.answer) << row.name;
    EXPECT_EQ(packet->target.text(), row.target) << row.name;
  }
}

TEST(DhcpServer, tells_who_only_asks_for_the_rest_nothing_of_leases) {
  ScriptedClient client;
  send(client, {.type = DhcpMessageType::kInform, .client_address = "10.0.1.5"});
  const auto packet = client.next_packet();
  ASSERT_TRUE(packet);
  EXPECT_EQ(load_be32(&packet->payload[16]), 0u);
  EXPECT_TRUE(option_of(packet->payload, DhcpOption::kLeaseTime).empty());
  EXPECT_FALSE(option_of(packet->payload, DhcpOption::kRouter).empty());
}

TEST(DhcpServer, renews_by_unicast_to_the_router) {
  ScriptedClient client;
  const Request request{.type = DhcpMessageType::kRequest, .client_address = "10.0.1.5"};
  EXPECT_EQ(client.send_udp(client.path_to(address_of("10.0.1.1"), 67, 68), message_of(client, request)),
            ServiceVerdict::kServed);
  const auto packet = client.next_packet();
  ASSERT_TRUE(packet);
  EXPECT_EQ(type_of(*packet), DhcpMessageType::kAcknowledge);
}

TEST(DhcpServer, does_not_answer_strangers_and_relays) {
  ScriptedClient client;
  const MacAddress own = client.mac;
  std::vector<std::uint8_t> message = message_of(client, {});
  message[33] ^= 1;
  EXPECT_EQ(client.send_udp(client.path_to(Ipv4Address{0xffffffff}, 67, 68), message),
            ServiceVerdict::kForeignSource);
  client.mac = own;
  EXPECT_EQ(send(client, {.relay = "10.0.1.9"}), ServiceVerdict::kNobodyThere);
  client.addresses.clear();
  EXPECT_EQ(send(client, {}), ServiceVerdict::kNobodyThere);
  EXPECT_TRUE(client.answers.empty());
}

TEST(DhcpServer, calls_short_and_torn_messages_malformed) {
  ScriptedClient client;
  const std::vector<std::uint8_t> whole = message_of(client, {.requested = "10.0.1.5"});
  const ReturnPath path = client.path_to(Ipv4Address{0xffffffff}, 67, 68);
  for (std::size_t size = 0; size <= kOptions + 2; ++size)
    EXPECT_EQ(client.send_udp(path, ConstBytes(whole).first(size)), ServiceVerdict::kMalformed) << size;
  EXPECT_TRUE(client.answers.empty());
}

}  // namespace
}  // namespace enid::card
