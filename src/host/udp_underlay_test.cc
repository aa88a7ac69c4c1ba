#include "host/udp_underlay.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace enid::host {
namespace {

// An address of the loopback interface that no other test process uses at this moment.
Ipv4Address loopback(std::uint8_t host) {
  const auto process = static_cast<std::uint32_t>(::getpid());
  return {0x7f000000 | (process & 0xffff) << 8 | host};
}

struct TwoHosts : testing::Test {
  static std::unique_ptr<UdpUnderlay> make(std::uint8_t host) {
    auto made = UdpUnderlay::create({.address = loopback(host)});
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }

  // What waits at `right`; gives the kernel a while to bring `count` datagrams.
  std::vector<fabric::ArrivedDatagram> arrivals(std::size_t count) {
    std::vector<fabric::ArrivedDatagram> all(count);
    std::size_t have = 0;
    while (have < count) {
      const std::size_t more = right->receive(std::span(all).subspan(have));
      have += more;
      if (more != 0) continue;
      std::array<pollfd, 2> waits{{{right->fds()[0], POLLIN, 0}, {right->fds()[1], POLLIN, 0}}};
      if (::poll(waits.data(), waits.size(), 5000) == 0) break;
    }
    all.resize(have);
    return all;
  }

  std::unique_ptr<UdpUnderlay> left = make(1);
  std::unique_ptr<UdpUnderlay> right = make(2);
};

TEST_F(TwoHosts, a_datagram_arrives_with_its_sender_and_its_congestion_bits) {
  const std::string header = "header ";
  const std::string payload = "payload";
  const fabric::OutgoingDatagram datagram{.to = loopback(2),
                                          .channel = fabric::Channel::kSrd,
                                          .path = 7,
                                          .is_ecn_capable = true,
                                          .header = as_bytes(header),
                                          .payload = as_bytes(payload)};
  EXPECT_EQ(left->send({&datagram, 1}), 1u);
  const auto arrived = arrivals(1);
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_EQ(arrived[0].from, loopback(1));
  EXPECT_EQ(arrived[0].channel, fabric::Channel::kSrd);
  EXPECT_FALSE(arrived[0].is_congestion_experienced);  // ECT(0) is a capability, not a mark.
  EXPECT_EQ(as_text(arrived[0].bytes), "header payload");
}

TEST_F(TwoHosts, equal_datagrams_cross_the_kernel_together_and_stay_apart) {
  std::vector<std::string> texts;
  for (int i = 0; i < 30; ++i) texts.push_back(std::string(1000, static_cast<char>('a' + i % 26)));
  texts.push_back("the last may be shorter");
  std::vector<fabric::OutgoingDatagram> datagrams;
  for (const std::string& text : texts) datagrams.push_back({.to = loopback(2), .payload = as_bytes(text)});
  EXPECT_EQ(left->send(datagrams), texts.size());
  EXPECT_EQ(left->counters().send_calls, 1u);
  std::size_t i = 0;
  while (i < texts.size()) {
    const auto arrived = arrivals(1);  // One at a time: the rest must wait, not be lost.
    ASSERT_EQ(arrived.size(), 1u);
    EXPECT_EQ(as_text(arrived[0].bytes), texts[i++]);
  }
  EXPECT_EQ(right->counters().received, texts.size());
  EXPECT_LT(right->counters().receive_calls, texts.size());
}

TEST_F(TwoHosts, what_differs_in_path_or_length_leaves_alone) {
  const std::string shorter = "short";
  const std::string longer = "rather longer";
  const std::vector<fabric::OutgoingDatagram> datagrams = {
      {.to = loopback(2), .path = 1, .payload = as_bytes(shorter)},
      {.to = loopback(2), .path = 1, .payload = as_bytes(longer)},  // Longer than the first: a new run.
      {.to = loopback(2), .path = 2, .payload = as_bytes(longer)},
  };
  EXPECT_EQ(left->send(datagrams), 3u);
  EXPECT_EQ(left->counters().send_calls, 3u);
  EXPECT_EQ(arrivals(3).size(), 3u);
}

TEST_F(TwoHosts, what_no_datagram_can_hold_is_counted_and_costs_the_others_nothing) {
  const std::string too_long(70'000, 'x');
  const std::string text = "after it";
  const std::vector<fabric::OutgoingDatagram> datagrams = {{.to = loopback(2), .payload = as_bytes(too_long)},
                                                           {.to = loopback(2), .payload = as_bytes(text)}};
  EXPECT_EQ(left->send(datagrams), 2u);
  EXPECT_EQ(left->counters().too_long, 1u);
  const auto arrived = arrivals(1);
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_EQ(as_text(arrived[0].bytes), text);
}

TEST_F(TwoHosts, nobody_there_is_no_error_of_the_sender) {
  const std::string text = "hello?";
  for (int i = 0; i < 5; ++i) {
    const fabric::OutgoingDatagram datagram{.to = loopback(9), .payload = as_bytes(text)};
    EXPECT_EQ(left->send({&datagram, 1}), 1u);
  }
}

TEST_F(TwoHosts, the_first_hop_says_how_long_a_packet_may_be) {
  const auto mtu = left->mtu_to(loopback(2));
  ASSERT_TRUE(mtu) << mtu.error().message;
  EXPECT_GE(*mtu, 1500u);
}

TEST_F(TwoHosts, a_port_that_is_taken_is_said_plainly) {
  const auto second = UdpUnderlay::create({.address = loopback(1)});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(loopback(1).text() + ":6081"), std::string::npos)
      << second.error().message;
}

}  // namespace
}  // namespace enid::host
