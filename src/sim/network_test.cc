#include "sim/network.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

namespace enid::sim {
namespace {

// Sends so many packets of one 4-tuple, and remembers what arrives.
class CountingEndpoint final : public Endpoint {
 public:
  bool poll_transmit(Picoseconds, Packet& out) override {
    if (to_send == 0) return false;
    --to_send;
    out.target = target;
    out.wire_bytes = bytes;
    out.payload_bytes = 0;
    out.source_port = static_cast<std::uint16_t>(50'000 + (spray ? to_send : 0));
    out.transport = Transport::kSrd;
    return true;
  }
  void on_packet(Picoseconds now, const Packet& packet) override {
    arrivals.push_back(now);
    sources.push_back(packet.source);
  }
  Picoseconds next_wake() const override { return wake_at; }
  void on_wake(Picoseconds now) override {
    woken.push_back(now);
    wake_at = kNever;
  }

  std::uint32_t to_send = 0;
  std::uint32_t target = 0;
  std::uint32_t bytes = 4150;
  bool spray = false;
  Picoseconds wake_at = kNever;
  std::vector<Picoseconds> arrivals;
  std::vector<std::uint32_t> sources;
  std::vector<Picoseconds> woken;
};

class NetworkTest : public testing::Test {
 protected:
  explicit NetworkTest(Picoseconds withdraw_after = 10 * kMicrosecond) {
    settings_.shape = *ClosTopology::fat_tree(128);
    settings_.withdraw_after = withdraw_after;
    network_ = std::make_unique<Network>(settings_);
    endpoints_.resize(network_->topology().hosts());
    for (std::uint32_t i = 0; i < endpoints_.size(); ++i) {
      endpoints_[i] = std::make_unique<CountingEndpoint>();
      network_->set_endpoint(i, Transport::kSrd, endpoints_[i].get());
    }
  }

  NetworkSettings settings_;
  std::unique_ptr<Network> network_;
  std::vector<std::unique_ptr<CountingEndpoint>> endpoints_;
};

constexpr Picoseconds kPacket = 332 * kNanosecond;  // 4,150 bytes at 100 Gbit/s.

TEST_F(NetworkTest, a_packet_takes_a_latency_and_its_length_for_each_link) {
  endpoints_[0]->to_send = 1;
  for (const auto& [target, links] : std::map<std::uint32_t, int>{{1, 2}, {5, 4}, {100, 6}}) {
    endpoints_[0]->to_send = 1;
    endpoints_[0]->target = target;
    const Picoseconds begin = network_->now();
    network_->kick(0);
    network_->run_until(begin + kMillisecond);
    ASSERT_EQ(endpoints_[target]->arrivals.size(), 1U);
    EXPECT_EQ(endpoints_[target]->arrivals[0] - begin, links * (kPacket + kMicrosecond));
  }
}

TEST_F(NetworkTest, the_card_takes_packets_as_its_link_sends_them) {
  endpoints_[0]->to_send = 100;
  endpoints_[0]->target = 1;
  network_->kick(0);
  EXPECT_EQ(endpoints_[0]->to_send, 98U);  // Two wait in the card.
  network_->run_until(50 * kPacket);
  EXPECT_NEAR(endpoints_[0]->to_send, 48, 2);
  network_->run_until(kMillisecond);
  ASSERT_EQ(endpoints_[1]->arrivals.size(), 100U);
  EXPECT_EQ(endpoints_[1]->arrivals[99] - endpoints_[1]->arrivals[0], 99 * kPacket);
}

TEST_F(NetworkTest, one_source_port_is_one_path_and_many_are_all_paths) {
  std::set<std::vector<PortIndex>> paths;
  std::map<PortIndex, int> first_hops;
  for (std::uint16_t port = 0; port < 4096; ++port) {
    const std::vector<PortIndex> path = network_->path_of(0, 100, port);
    ASSERT_EQ(path, network_->path_of(0, 100, port));
    paths.insert(path);
    ++first_hops[path[1]];
  }
  EXPECT_EQ(paths.size(), 16U);
  for (const auto& [hop, count] : first_hops) EXPECT_NEAR(count, 1024, 128) << hop;
}

TEST_F(NetworkTest, switches_hash_independently_of_each_other) {
  // Of the ports that go one way at the leaf, a quarter goes each way at the aggregation switch.
  std::map<std::pair<PortIndex, PortIndex>, int> hops;
  for (std::uint16_t port = 0; port < 4096; ++port) {
    const std::vector<PortIndex> path = network_->path_of(0, 100, port);
    ++hops[{path[1], path[2]}];
  }
  ASSERT_EQ(hops.size(), 16U);
  for (const auto& [hop, count] : hops) EXPECT_NEAR(count, 256, 64);
}

TEST_F(NetworkTest, a_cut_link_swallows_packets_until_routing_withdraws_it) {
  const std::vector<PortIndex> path = network_->path_of(0, 100, 50'000);
  const PortIndex link = path[3];  // From the core down: far from the sender.
  network_->cut(link);
  endpoints_[0]->target = 100;
  endpoints_[0]->to_send = 1;
  network_->kick(0);
  network_->run_until(20 * kMicrosecond);
  EXPECT_TRUE(endpoints_[100]->arrivals.empty());
  EXPECT_EQ(network_->port(link).counters().cut_losses, 1U);

  // Ten microseconds after the cut the aggregation switch of the source avoids that core for that pod.
  EXPECT_NE(network_->path_of(0, 100, 50'000), path);
  endpoints_[0]->to_send = 1;
  network_->kick(0);
  network_->run_until(40 * kMicrosecond);
  EXPECT_EQ(endpoints_[100]->arrivals.size(), 1U);

  network_->repair(link);
  EXPECT_EQ(network_->path_of(0, 100, 50'000), path);
}

class NetworkWithoutRouting : public NetworkTest {
 protected:
  NetworkWithoutRouting() : NetworkTest(kNever) {}
};

TEST_F(NetworkWithoutRouting, never_notices) {
  const std::vector<PortIndex> path = network_->path_of(0, 100, 50'000);
  network_->cut(path[3]);
  network_->run_until(kSecond);
  EXPECT_EQ(network_->path_of(0, 100, 50'000), path);
}

TEST_F(NetworkTest, a_change_of_rate_in_the_middle_reaches_the_packets_that_wait) {
  endpoints_[0]->to_send = 10;
  endpoints_[0]->target = 1;
  network_->kick(0);
  network_->run_until(3 * kPacket);
  network_->set_rate(network_->topology().leaf_down(1), 25'000'000'000);
  network_->run_until(kMillisecond);
  ASSERT_EQ(endpoints_[1]->arrivals.size(), 10U);
  EXPECT_EQ(endpoints_[1]->arrivals[9] - endpoints_[1]->arrivals[8], 4 * kPacket);
}

TEST_F(NetworkTest, a_host_is_woken_when_it_asked_and_its_work_is_done_in_order) {
  endpoints_[3]->wake_at = 5 * kMicrosecond;
  network_->kick(3);
  std::vector<std::uint32_t> works;
  network_->on_work([&](std::uint32_t number) { works.push_back(number); });
  network_->at(7 * kMicrosecond, 2);
  network_->at(7 * kMicrosecond, 1);
  network_->at(6 * kMicrosecond, 9);
  network_->run_until(kMillisecond);
  EXPECT_EQ(endpoints_[3]->woken, (std::vector<Picoseconds>{5 * kMicrosecond}));
  EXPECT_EQ(works, (std::vector<std::uint32_t>{9, 1, 2}));
  EXPECT_TRUE(network_->is_quiet());
  EXPECT_EQ(network_->now(), kMillisecond);
}

TEST_F(NetworkTest, senders_in_lockstep_share_a_full_port_evenly) {
  for (const std::uint32_t host : {16U, 40U, 72U, 112U}) {
    endpoints_[host]->target = 0;
    endpoints_[host]->to_send = 2000;
    network_->kick(host);
  }
  network_->run_until(400 * kMicrosecond);
  std::map<std::uint32_t, int> share;
  for (const std::uint32_t source : endpoints_[0]->sources) ++share[source];
  ASSERT_EQ(share.size(), 4U);
  const int all = static_cast<int>(endpoints_[0]->sources.size());
  for (const auto& [host, count] : share) EXPECT_NEAR(count, all / 4, all / 20) << host;
}

}  // namespace
}  // namespace enid::sim
