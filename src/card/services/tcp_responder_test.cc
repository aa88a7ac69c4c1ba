#include "card/services/tcp_responder.h"

#include <gtest/gtest.h>

#include <array>

#include "base/random.h"
#include "card/services/scripted_client.h"

namespace enid::card {
namespace {

constexpr std::string_view kGet = "GET /latest/user-data HTTP/1.1\r\n\r\n";

struct Tcp : testing::Test {
  Tcp() { client.instance.metadata["user-data"] = std::string(16'000, 'u'); }
  std::uint64_t connections() const { return client.services.counters().tcp_connections; }

  static bool has_whole_answer(const ScriptedConnection& connection) {
    const std::size_t head = connection.received.find("\r\n\r\n");
    return head != std::string::npos && connection.received.substr(head + 4) == std::string(16'000, 'u');
  }

  ScriptedClient client;
};

TEST_F(Tcp, remembers_nothing_of_a_handshake_that_does_not_end) {
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    ScriptedConnection connection(client, kMetadataServerAddress, 80, port);
    connection.send({.syn = true});
  }
  EXPECT_EQ(client.answers.size(), 1000u);
  EXPECT_EQ(connections(), 0u);
  EXPECT_EQ(client.services.next_timeout(), Instant::never());
}

TEST_F(Tcp, cuts_answers_to_the_clients_segment_size) {
  for (const std::uint16_t bytes : std::to_array<std::uint16_t>({536, 1460, 8961, 9000})) {
    ScriptedConnection connection(client, kMetadataServerAddress, 80, bytes, bytes);
    ASSERT_TRUE(connection.connect());
    EXPECT_EQ(connection.peer_segment_bytes_max, 8961);
    EXPECT_TRUE(connection.exchange(kGet).ends_with("uuu"));
    EXPECT_LE(connection.largest_payload, std::min<std::size_t>(bytes, 8961));
    EXPECT_GT(connection.received.size(), 16'000u);
  }
}

TEST_F(Tcp, takes_a_request_in_pieces_and_in_one_super_frame) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  ASSERT_TRUE(connection.connect());
  EXPECT_EQ(connection.exchange(kGet.substr(0, 5)), "");
  EXPECT_EQ(connection.exchange(kGet.substr(5, 20)), "");
  EXPECT_TRUE(connection.exchange(kGet.substr(25)).starts_with("HTTP/1.1 200 OK"));
}

TEST_F(Tcp, trusts_a_checksum_that_is_left_to_an_offload_and_no_other) {
  ReturnPath path = client.path_to(kMetadataServerAddress, 80, 1234);
  ServiceFrames made(1);
  write_tcp(made, path, {.sequence = 1, .flags = {.syn = true}}, {});
  auto frame = made.frames().front().bytes;
  frame[kEthernetHeaderBytes + kIpv4HeaderBytes + 16] ^= 0x55;
  EXPECT_EQ(client.send_frame(frame), ServiceVerdict::kMalformed);
  EXPECT_EQ(client.send_frame(frame, {.checksum_needed = true}), ServiceVerdict::kServed);
  EXPECT_EQ(client.answers.size(), 1u);
}

TEST_F(Tcp, sends_again_what_was_lost) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  ASSERT_TRUE(connection.connect());
  connection.send({.psh = true, .ack = true}, kGet);
  EXPECT_FALSE(client.answers.empty());
  client.answers.clear();  // Nothing arrives.
  client.advance(Duration::from_milliseconds(100));
  EXPECT_TRUE(client.answers.empty());
  client.advance(Duration::from_milliseconds(150));
  connection.read();
  EXPECT_GT(connection.received.size(), 16'000u);
  EXPECT_TRUE(connection.received.ends_with("uuu"));
}

TEST_F(Tcp, brings_everything_through_a_way_that_loses_a_third) {
  Random random(793);
  for (std::uint16_t port = 1; port <= 20; ++port) {
    ScriptedConnection connection(client, kMetadataServerAddress, 80, port);
    ASSERT_TRUE(connection.connect());
    const std::uint32_t start = connection.next;
    for (int i = 0; i < 200 && !has_whole_answer(connection); ++i) {
      if (connection.received.empty() && random.below(3) != 0) {  // The request goes again until answered.
        connection.next = start;
        connection.send({.psh = true, .ack = true}, kGet);
      }
      std::erase_if(client.answers, [&](const auto&) { return random.below(3) == 0; });
      connection.read();
      client.advance(Duration::from_milliseconds(100));
    }
    EXPECT_TRUE(has_whole_answer(connection)) << port;  // Each byte, and each once.
    client.answers.clear();
  }
}

TEST_F(Tcp, hears_three_duplicates_as_a_loss) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  ASSERT_TRUE(connection.connect());
  connection.send({.psh = true, .ack = true}, kGet);
  client.answers.clear();
  for (int i = 0; i < 4; ++i) connection.send({.ack = true});
  connection.read();
  EXPECT_TRUE(connection.received.ends_with("uuu"));
}

TEST_F(Tcp, gives_up_a_peer_that_stays_away) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  ASSERT_TRUE(connection.connect());
  connection.send({.psh = true, .ack = true}, kGet);
  int timeouts = 0;
  while (connections() > 0 && ++timeouts < 100) client.advance(client.services.next_timeout() - client.now);
  EXPECT_EQ(timeouts, 9);
  EXPECT_EQ(client.services.next_timeout(), Instant::never());
}

TEST_F(Tcp, waits_for_a_closed_window_to_open) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  connection.window = 0;
  ASSERT_TRUE(connection.connect());
  connection.exchange(kGet);
  EXPECT_EQ(connection.received, "");
  client.advance(Duration::from_milliseconds(300));
  ASSERT_EQ(client.answers.size(), 1u);  // One byte, to ask.
  connection.window = 64'000;
  connection.read();
  EXPECT_GT(connection.received.size(), 16'000u);
}

TEST_F(Tcp, ends_a_connection_that_nobody_uses) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  ASSERT_TRUE(connection.connect());
  client.advance(Duration::from_seconds(30));
  connection.read();
  EXPECT_TRUE(connection.peer_has_closed);
  connection.send({.fin = true, .ack = true});
  EXPECT_EQ(connections(), 0u);
}

TEST_F(Tcp, resets_what_it_does_not_know) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  connection.peer_next = 77;
  connection.exchange(kGet);
  EXPECT_TRUE(connection.was_reset);
}

TEST_F(Tcp, lets_no_old_cookie_in) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  connection.send({.syn = true});
  connection.peer_next = client.next_packet()->tcp.sequence + 1;
  client.advance(Duration::from_seconds(128));
  connection.exchange(kGet);
  EXPECT_TRUE(connection.was_reset);
}

TEST_F(Tcp, answers_resets_and_syns_out_of_place_by_a_challenge) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  ASSERT_TRUE(connection.connect());
  const std::uint32_t right = connection.next;
  connection.next = right + 1;
  connection.send({.rst = true});
  EXPECT_EQ(connections(), 1u);
  EXPECT_EQ(client.next_packet()->tcp.acknowledgement, right);
  connection.next = right + 5;
  connection.send({.syn = true});
  EXPECT_EQ(connections(), 1u);
  EXPECT_EQ(client.next_packet()->tcp.acknowledgement, right);
  connection.next = right;
  connection.send({.rst = true});
  EXPECT_EQ(connections(), 0u);
}

TEST_F(Tcp, takes_nothing_out_of_order_and_nothing_twice) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  ASSERT_TRUE(connection.connect());
  const std::uint32_t start = connection.next;
  connection.next = start + 5;
  EXPECT_EQ(connection.exchange(kGet.substr(5)), "");
  connection.next = start;
  EXPECT_EQ(connection.exchange(kGet.substr(0, 10)), "");
  connection.next = start + 5;  // Five old bytes in front.
  EXPECT_GT(connection.exchange(kGet.substr(5)).size(), 16'000u);
}

TEST_F(Tcp, makes_room_by_ending_the_connection_that_is_silent_the_longest) {
  ScriptedConnection first(client, kMetadataServerAddress, 80, 1);
  ASSERT_TRUE(first.connect());
  for (std::uint16_t port = 2; port <= 129; ++port) {
    client.advance(Duration::from_milliseconds(10));
    ScriptedConnection connection(client, kMetadataServerAddress, 80, port);
    connection.connect();
  }
  EXPECT_EQ(connections(), 128u);
  first.exchange(kGet);
  EXPECT_TRUE(first.was_reset);
  ++client.handle;
  ScriptedConnection other(client, kMetadataServerAddress, 80, 1);
  ASSERT_TRUE(other.connect());
  EXPECT_EQ(connections(), 129u);
  client.services.forget_interface(client.handle - 1);
  EXPECT_EQ(connections(), 1u);
}

TEST_F(Tcp, stops_answering_a_client_that_does_not_read) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80, 1, 8961);
  ASSERT_TRUE(connection.connect());
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += kGet;
  connection.exchange(requests);  // It reads, as much as it wants.
  std::size_t whole = 0;
  for (std::size_t at = 0; (at = connection.received.find("HTTP/1.1 200 OK", at)) != std::string::npos; ++at)
    ++whole;
  EXPECT_EQ(whole, 100u);
  client.answers.clear();
  connection.send({.psh = true, .ack = true}, requests);
  std::size_t bytes = 0;
  for (const auto& frame : client.answers) bytes += frame.size();
  EXPECT_LT(bytes, 100'000u);
}

}  // namespace
}  // namespace enid::card
