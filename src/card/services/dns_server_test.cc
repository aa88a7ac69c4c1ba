#include "card/services/dns_server.h"

#include <gtest/gtest.h>

#include "card/services/scripted_client.h"
#include "wire/dns_message.h"

namespace enid::card {
namespace {

using wire::DnsType;

constexpr std::uint16_t kId = 0x4242;

std::vector<std::uint8_t> query_of(std::string_view name, DnsType type, std::uint16_t edns_bytes = 0) {
  std::vector<std::uint8_t> bytes(12);
  store_be16(&bytes[0], kId);
  bytes[2] = 1;  // Recursion desired.
  bytes[5] = 1;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    bytes.push_back(static_cast<std::uint8_t>(label.size()));
    bytes.insert(bytes.end(), label.begin(), label.end());
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  bytes.insert(bytes.end(), {0, 0, static_cast<std::uint8_t>(type), 0, 1});
  if (edns_bytes != 0) {
    bytes[11] = 1;
    bytes.insert(bytes.end(), {0, 0, 41, static_cast<std::uint8_t>(edns_bytes >> 8),
                               static_cast<std::uint8_t>(edns_bytes), 0, 0, 0, 0, 0, 0});
  }
  return bytes;
}

struct Answer {
  std::uint16_t id = 0;
  unsigned status = 99;
  bool truncated = false;
  unsigned answers = 0;
  unsigned authorities = 0;
  ConstBytes message;
};

Answer read(ConstBytes message) {
  return {.id = load_be16(&message[0]),
          .status = message[3] & 15u,
          .truncated = (message[2] & 2) != 0,
          .answers = load_be16(&message[6]),
          .authorities = load_be16(&message[8]),
          .message = message};
}

struct Resolver : testing::Test {
  // The answer over UDP; its message lives until the next call.
  std::optional<Answer> ask(ConstBytes query, std::string_view server = "10.0.0.2") {
    verdict = client.send_udp(client.path_to(address_of(server), 53, 5353), query);
    const auto packet = client.next_packet();
    if (!packet) return std::nullopt;
    EXPECT_EQ(packet->source.text(), server);
    return read(packet->payload);
  }

  // What a host's resolver would say: the question with `answer_bytes` of something behind it.
  static std::vector<std::uint8_t> host_answer(const ForwardedDns& question, std::size_t answer_bytes = 0) {
    std::vector<std::uint8_t> message = question.bytes;
    message[2] |= 0x80;
    message.resize(message.size() + answer_bytes);
    return message;
  }

  ScriptedClient client;
  ServiceVerdict verdict = ServiceVerdict::kNotForService;
};

TEST_F(Resolver, knows_the_private_names_of_the_vpc) {
  struct Row {
    std::string_view name;
    DnsType type;
    unsigned status;
    unsigned answers;
  };
  const std::vector<Row> rows{
      {"ip-10-0-1-5.ec2.internal", DnsType::kA, 0, 1},
      {"IP-10-0-1-9.EC2.internal", DnsType::kA, 0, 1},
      {"ip-10-0-1-9.ec2.internal", DnsType::kAaaa, 0, 0},
      {"ip-10-0-1-9.ec2.internal", DnsType::kAny, 0, 1},
      {"ip-10-0-1-77.ec2.internal", DnsType::kA, 3, 0},
      {"ip-10-0-1-05.ec2.internal", DnsType::kA, 3, 0},
      {"www.ec2.internal", DnsType::kA, 3, 0},
      {"x.ip-10-0-1-5.ec2.internal", DnsType::kA, 3, 0},
      {"ec2.internal", DnsType::kA, 0, 0},
      {"ec2.internal", DnsType::kSoa, 0, 1},
      {"9.1.0.10.in-addr.arpa", DnsType::kPtr, 0, 1},
      {"9.1.0.10.in-addr.arpa", DnsType::kA, 0, 0},
      {"77.1.0.10.in-addr.arpa", DnsType::kPtr, 3, 0},
  };
  for (const Row& row : rows) {
    const auto answer = ask(query_of(row.name, row.type));
    ASSERT_TRUE(answer) << row.name;
    EXPECT_EQ(answer->id, kId);
    EXPECT_EQ(answer->status, row.status) << row.name;
    EXPECT_EQ(answer->answers, row.answers) << row.name;
    EXPECT_EQ(answer->authorities, row.answers == 0 ? 1u : 0u) << row.name;
  }
}

TEST_F(Resolver, gives_the_address_a_name_spells) {
  const auto answer = ask(query_of("ip-10-0-1-9.ec2.internal", DnsType::kA), "169.254.169.253");
  ASSERT_TRUE(answer);
  EXPECT_EQ(Ipv4Address{load_be32(&answer->message[answer->message.size() - 4])}.text(), "10.0.1.9");
}

TEST_F(Resolver, forwards_what_is_not_of_the_vpc_under_an_id_of_its_own) {
  EXPECT_FALSE(ask(query_of("example.com", DnsType::kA)));
  const auto question = client.services.take_forwarded_dns();
  ASSERT_TRUE(question);
  EXPECT_FALSE(question->over_tcp);
  EXPECT_EQ(load_be16(question->bytes.data()), question->id);
  EXPECT_FALSE(client.services.take_forwarded_dns());
  client.bring_dns_answer(host_answer(*question, 16));
  const auto packet = client.next_packet();
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->target_port, 5353);
  EXPECT_EQ(read(packet->payload).id, kId);
  EXPECT_EQ(packet->payload.size(), question->bytes.size() + 16);
  client.bring_dns_answer(host_answer(*question));
  EXPECT_EQ(client.services.counters().unmatched_dns_answers, 1u);
}

TEST_F(Resolver, believes_only_the_answer_to_its_question) {
  ask(query_of("example.com", DnsType::kA));
  const auto question = client.services.take_forwarded_dns();
  ASSERT_TRUE(question);
  auto wrong = host_answer(*question);
  wrong[14] ^= 1;  // Another name.
  client.bring_dns_answer(wrong);
  wrong = host_answer(*question);
  store_be16(wrong.data(), static_cast<std::uint16_t>(question->id + 1));
  client.bring_dns_answer(wrong);
  client.bring_dns_answer(question->bytes);  // A query is no answer.
  for (std::size_t size = 0; size < wrong.size(); ++size)
    client.bring_dns_answer(ConstBytes(wrong).first(size));
  EXPECT_TRUE(client.answers.empty());
  client.bring_dns_answer(host_answer(*question));
  EXPECT_EQ(client.answers.size(), 1u);
}

TEST_F(Resolver, cuts_an_answer_to_what_the_client_takes) {
  struct Row {
    std::uint16_t edns_bytes;
    std::size_t answer_bytes;
    bool truncated;
  };
  for (const Row& row : {Row{0, 400, false}, Row{0, 600, true}, Row{1232, 600, false}, Row{1232, 1300, true},
                         Row{100, 300, false}}) {
    ask(query_of("example.com", DnsType::kA, row.edns_bytes));
    const auto question = client.services.take_forwarded_dns();
    ASSERT_TRUE(question);
    client.bring_dns_answer(host_answer(*question, row.answer_bytes));
    const auto packet = client.next_packet();
    ASSERT_TRUE(packet);
    EXPECT_EQ(read(packet->payload).truncated, row.truncated) << row.edns_bytes << " " << row.answer_bytes;
  }
}

TEST_F(Resolver, admits_failure_when_the_host_does_not_answer_in_time) {
  ask(query_of("example.com", DnsType::kA));
  client.services.take_forwarded_dns();
  EXPECT_EQ(client.services.next_timeout(), client.now + Duration::from_seconds(5));
  client.advance(Duration::from_seconds(5));
  const auto packet = client.next_packet();
  ASSERT_TRUE(packet);
  EXPECT_EQ(read(packet->payload).status, 2u);
  EXPECT_EQ(client.services.counters().dns_timeouts, 1u);
  EXPECT_EQ(client.services.next_timeout(), Instant::never());
}

TEST_F(Resolver, admits_failure_without_a_host_resolver) {
  client.services.set_has_host_resolver(false);
  EXPECT_EQ(ask(query_of("example.com", DnsType::kA))->status, 2u);
  EXPECT_FALSE(client.services.take_forwarded_dns());
}

TEST_F(Resolver, lets_an_interface_wait_for_256_answers_and_another_for_its_own) {
  for (int i = 0; i < 256; ++i) ASSERT_FALSE(ask(query_of("example.com", DnsType::kA))) << i;
  EXPECT_EQ(ask(query_of("example.com", DnsType::kA))->status, 2u);
  ++client.handle;
  EXPECT_FALSE(ask(query_of("example.com", DnsType::kA)));
  client.services.forget_interface(client.handle - 1);
  int left = 0;
  while (client.services.take_forwarded_dns()) ++left;
  EXPECT_EQ(left, 1);
}

TEST_F(Resolver, is_silent_when_the_vpc_has_no_dns_support) {
  client.enable_dns_support = false;
  EXPECT_FALSE(ask(query_of("ip-10-0-1-5.ec2.internal", DnsType::kA)));
  EXPECT_EQ(verdict, ServiceVerdict::kServiceDisabled);
}

TEST_F(Resolver, refuses_what_it_cannot_read) {
  auto query = query_of("example.com", DnsType::kA);
  query[5] = 2;  // Two questions, of which one is there.
  EXPECT_EQ(ask(query)->status, 1u);
  query = query_of("example.com", DnsType::kA);
  query[2] = 0x10;  // STATUS
  EXPECT_EQ(ask(query)->status, 4u);
  query = query_of("version.bind", DnsType::kA);
  query.back() = 3;  // CHAOS
  EXPECT_EQ(ask(query)->status, 5u);
  query = query_of("example.com", DnsType::kA, 1232);
  query[query.size() - 5] = 1;  // EDNS version 1
  const auto answer = ask(query);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 0u);
  EXPECT_EQ(answer->message[answer->message.size() - 6], 1);  // BADVERS, in the OPT record.
  query[2] |= 0x80;
  EXPECT_FALSE(ask(query));
  EXPECT_EQ(verdict, ServiceVerdict::kMalformed);
  EXPECT_FALSE(ask({}));
}

std::string framed(ConstBytes message) {
  std::string text(2, '\0');
  text[0] = static_cast<char>(message.size() >> 8);
  text[1] = static_cast<char>(message.size());
  return text.append(as_text(message));
}

TEST_F(Resolver, answers_over_tcp_as_well) {
  ScriptedConnection connection(client, kResolverLinkAddress, 53);
  ASSERT_TRUE(connection.connect());
  const std::string own = framed(query_of("ip-10-0-1-9.ec2.internal", DnsType::kA));
  const std::string foreign = framed(query_of("example.com", DnsType::kA));
  EXPECT_EQ(connection.exchange(own.substr(0, 1)), "");
  const std::string answer = connection.exchange(own.substr(1) + foreign);
  EXPECT_EQ(answer.size(), 2u + load_be16(as_bytes(answer).data()));
  const auto question = client.services.take_forwarded_dns();
  ASSERT_TRUE(question);
  EXPECT_TRUE(question->over_tcp);

  // The client says no more, but waits for the answer, and that one is long.
  connection.send({.fin = true, .ack = true});
  connection.read();
  EXPECT_FALSE(connection.peer_has_closed);
  connection.received.clear();
  client.bring_dns_answer(host_answer(*question, 20'000));
  connection.read();
  EXPECT_EQ(connection.received.size(), 2 + question->bytes.size() + 20'000);
  EXPECT_TRUE(connection.peer_has_closed);
  EXPECT_EQ(client.services.counters().tcp_connections, 0u);
}

TEST_F(Resolver, drops_an_answer_whose_connection_is_gone) {
  ScriptedConnection connection(client, kResolverLinkAddress, 53);
  ASSERT_TRUE(connection.connect());
  connection.exchange(framed(query_of("example.com", DnsType::kA)));
  const auto question = client.services.take_forwarded_dns();
  ASSERT_TRUE(question);
  connection.send({.rst = true});
  EXPECT_EQ(client.services.counters().tcp_connections, 0u);
  client.bring_dns_answer(host_answer(*question));
  EXPECT_TRUE(client.answers.empty());
}

}  // namespace
}  // namespace enid::card
