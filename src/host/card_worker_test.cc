// The card's thread between real TAP devices, in network namespaces without a name, which end with
// the test. Needs root.
#include "host/card_worker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <future>
#include <thread>

#include "host/tap_port.h"
#include "host/testing/network_namespace.h"

namespace enid::host {
namespace {

constexpr const char* kDevice = "ens5";

struct Instance {
  NetworkInterfaceId interface;
  MacAddress mac;
  Ipv4Address address;
  NetworkNamespace network;
};

class CardWorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, for namespaces and TAP devices";
    auto worker = CardWorker::create({.card = {}, .resolver_file = ""});
    ASSERT_TRUE(worker);
    worker_ = std::move(*worker);
    for (int i = 0; i < 2; ++i) {
      auto instance = std::make_unique<Instance>();
      instance->interface = NetworkInterfaceId::make(random_);
      instance->mac = {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(10 + i)}};
      instance->address = {0x0a00'010au + static_cast<std::uint32_t>(i)};
      bind(*instance);
      instances_.push_back(std::move(instance));
    }
    apply_program(true);
  }

  void bind(const Instance& instance) {
    auto tap = instance.network.inside([] { return open_tap(kDevice); }).get();
    ASSERT_TRUE(tap);
    std::promise<bool> bound;
    worker_->bind_port(instance.interface, std::move(*tap),
                       [&](Result<void> result) { bound.set_value(result.has_value()); });
    ASSERT_TRUE(bound.get_future().get());
    instance.network.run(
        fmt::format("ip link set {0} address {1} mtu 9001 up && ip address add {2}/24 dev {0}", kDevice,
                    instance.mac.text(), instance.address.text()));
  }

  void unbind(const Instance& instance) {
    std::promise<void> unbound;
    worker_->unbind_port(instance.interface, [&] { unbound.set_value(); });
    unbound.get_future().get();
  }

  // One subnet and one group whose members admit each other, or nobody.
  void apply_program(bool admits) {
    contract::CardDelta delta{.revision = ++revision_, .upserts = {}, .removes = {}};
    contract::VpcProgram vpc{
        .id = vpc_, .cidr_blocks = {*Ipv4Prefix::parse("10.0.0.0/16")}, .private_dns_domain = {}};
    contract::SubnetProgram subnet{
        .id = subnet_, .vpc = vpc_, .cidr_block = *Ipv4Prefix::parse("10.0.1.0/24")};
    contract::SecurityGroupProgram group{.id = group_, .vpc = vpc_, .ingress = {}, .egress = {}};
    if (admits) group.ingress.push_back({.id = rule_, .peer = group_});
    if (admits) group.egress.push_back({.id = rule_, .peer = Ipv4Prefix{}});
    delta.upserts = {vpc, subnet, group};
    for (const auto& instance : instances_) {
      contract::InterfaceProgram interface;
      interface.id = instance->interface;
      interface.vpc = vpc_;
      interface.subnet = subnet_;
      interface.mac = instance->mac;
      interface.addresses = {instance->address};
      interface.groups = {group_};
      interface.instance = InstanceId::make(random_);
      delta.upserts.emplace_back(interface);
    }
    std::promise<void> applied;
    worker_->apply(std::move(delta), [&] { applied.set_value(); });
    applied.get_future().get();
  }

  bool ping_passes(int count = 1) const {
    return instances_[0]->network.run(
        fmt::format("ping -n -c {} -i 0.01 -W 1 {}", count, instances_[1]->address.text()));
  }

  contract::CardReport report() {
    std::promise<contract::CardReport> reported;
    worker_->report([&](contract::CardReport report) { reported.set_value(std::move(report)); });
    return reported.get_future().get();
  }

  Random random_{1};
  std::unique_ptr<CardWorker> worker_;
  std::vector<std::unique_ptr<Instance>> instances_;
  VpcId vpc_ = VpcId::make(random_);
  SubnetId subnet_ = SubnetId::make(random_);
  SecurityGroupId group_ = SecurityGroupId::make(random_);
  SecurityGroupRuleId rule_ = SecurityGroupRuleId::make(random_);
  std::uint64_t revision_ = 0;
};

// Frame lengths of a pcapng stream.
std::vector<std::uint32_t> frame_sizes(const std::string& blocks) {
  std::vector<std::uint32_t> sizes;
  const auto word = [&](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, blocks.data() + at, sizeof value);
    return value;
  };
  for (std::size_t at = 0; at + 12 <= blocks.size(); at += word(at + 4)) {
    if (word(at) == 6) sizes.push_back(word(at + 20));  // Enhanced packet block, captured length.
  }
  return sizes;
}

TEST_F(CardWorkerTest, ping_passes_between_two_instances) { EXPECT_TRUE(ping_passes(5)); }

TEST_F(CardWorkerTest, a_program_decides_every_packet_after_it_was_applied) {
  ASSERT_TRUE(ping_passes());
  apply_program(false);
  EXPECT_FALSE(ping_passes());
  apply_program(true);
  EXPECT_TRUE(ping_passes());
}

TEST_F(CardWorkerTest, an_unbound_port_is_closed_and_can_be_bound_again) {
  ASSERT_TRUE(ping_passes());
  unbind(*instances_[1]);
  EXPECT_FALSE(instances_[1]->network.run(fmt::format("ip link show {}", kDevice)));
  EXPECT_FALSE(ping_passes());
  unbind(*instances_[1]);  // Once more does nothing, and says so.
  bind(*instances_[1]);
  EXPECT_TRUE(ping_passes());
}

TEST_F(CardWorkerTest, a_device_that_goes_away_leaves_the_card_idle) {
  ASSERT_TRUE(ping_passes());
  instances_[1]->network.run(fmt::format("ip link delete {}", kDevice));
  EXPECT_FALSE(ping_passes());
  for (const auto& interface : report().interfaces) {
    EXPECT_EQ(interface.port_attached, interface.id == instances_[0]->interface);
  }
  const auto polls = [&] {
    std::promise<std::uint64_t> counted;
    worker_->counters([&](CardWorkerCounters counters) { counted.set_value(counters.polls); });
    return counted.get_future().get();
  };
  const std::uint64_t before = polls();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(polls() - before, 1000u);
}

TEST_F(CardWorkerTest, tcp_crosses_in_super_frames_with_their_checksums_unfinished) {
  constexpr std::size_t kBytes = 8 << 20;
  const auto capture = worker_->start_capture({instances_[0]->interface});
  auto received = instances_[1]->network.inside([this] {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(7000);
    address.sin_addr.s_addr = htonl(instances_[1]->address.value);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::listen(listener.get(), 1);
    const UniqueFd connection(::accept(listener.get(), nullptr, nullptr));
    std::vector<char> buffer(1 << 16);
    std::size_t total = 0;
    for (ssize_t got = 0; (got = ::recv(connection.get(), buffer.data(), buffer.size(), 0)) > 0;) {
      total += static_cast<std::size_t>(got);
    }
    return total;
  });
  instances_[0]
      ->network
      .inside([this] {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(7000);
        address.sin_addr.s_addr = htonl(instances_[1]->address.value);
        UniqueFd connection;
        for (int i = 0; i < 100; ++i) {
          connection = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
          if (::connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) break;
          std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        const std::vector<char> bytes(kBytes, 'x');
        EXPECT_EQ(::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(kBytes));
      })
      .get();
  EXPECT_EQ(received.get(), kBytes);

  worker_->stop_capture(capture);
  std::string stream;
  for (std::string blocks; capture->read(blocks, Duration::from_seconds(5));) stream += blocks;
  std::uint32_t largest = 0;
  for (const std::uint32_t size : frame_sizes(stream)) largest = std::max(largest, size);
  EXPECT_GT(largest, 16'384u);
}

TEST_F(CardWorkerTest, a_flooding_neighbour_does_not_starve_a_ping) {
  // The pinged instance floods the router's address; its echoes must still get their turns. In bursts, so
  // that its device's own queue has room for them also when the card is slow (sanitizers).
  auto flood = instances_[1]->network.inside([] {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = htonl(0x0a00'0101);
    std::array<char, 18> payload{};
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (std::chrono::steady_clock::now() < end) {
      for (int i = 0; i < 32; ++i)
        ::sendto(socket.get(), payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&address),
                 sizeof address);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  EXPECT_TRUE(ping_passes(10));
  flood.get();
}

// Answers every question with one A record, 192.0.2.55. RFC 1035 section 4.1.
std::vector<std::uint8_t> answer_of(ConstBytes question) {
  std::size_t end = 12;
  while (end < question.size() && question[end] != 0) end += question[end] + 1u;
  end += 5;  // The root label, type and class.
  std::vector<std::uint8_t> answer(question.begin(), question.begin() + static_cast<std::ptrdiff_t>(end));
  answer[2] = 0x81;  // A response; recursion desired,
  answer[3] = 0x80;  // and available.
  const std::array<std::uint8_t, 8> counts = {0, 1, 0, 1, 0, 0, 0, 0};
  std::ranges::copy(counts, answer.begin() + 4);
  const std::array<std::uint8_t, 16> record = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 55};
  answer.insert(answer.end(), record.begin(), record.end());
  return answer;
}

TEST_F(CardWorkerTest, names_outside_the_vpc_are_asked_of_the_hosts_resolver) {
  const NetworkNamespace host;  // With a resolver of its own at 127.0.0.1.
  std::atomic<bool> stopping = false;
  auto nameserver = host.inside([&] {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = 0, .tv_usec = 50'000};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(53);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    while (!stopping) {
      std::array<std::uint8_t, 512> question;
      sockaddr_in from{};
      socklen_t from_bytes = sizeof from;
      const ssize_t got = ::recvfrom(socket.get(), question.data(), question.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &from_bytes);
      if (got < 17) continue;
      const auto answer = answer_of(ConstBytes(question).first(static_cast<std::size_t>(got)));
      ::sendto(socket.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), from_bytes);
    }
  });

  const std::string file = fmt::format("{}/enid_resolver_{}", testing::TempDir(), ::getpid());
  std::ofstream(file) << "nameserver 127.0.0.1\n";
  for (const auto& instance : instances_) unbind(*instance);
  // The worker's sockets are of the namespace in which it is made.
  auto worker = host.inside([&] { return CardWorker::create({.card = {}, .resolver_file = file}); }).get();
  ASSERT_TRUE(worker);
  worker_ = std::move(*worker);
  for (const auto& instance : instances_) bind(*instance);
  apply_program(true);
  instances_[0]->network.run(fmt::format("ip route add default dev {}", kDevice));

  const std::string ask = "dig @10.0.0.2 +short +time=3 +tries=2 www.example.com | grep -qx 192.0.2.55";
  EXPECT_TRUE(instances_[0]->network.run("sh -c '" + ask + "'"));
  // Nobody listens on TCP: such a question goes over UDP after all.
  EXPECT_TRUE(instances_[0]->network.run("sh -c '" + ask.substr(0, 13) + " +tcp" + ask.substr(13) + "'"));
  stopping = true;
  nameserver.get();
  ::unlink(file.c_str());
}

TEST(CardWorker, refuses_a_port_that_is_no_tap_device) {
  auto worker = CardWorker::create({.card = {}, .resolver_file = ""});
  ASSERT_TRUE(worker);
  bool is_refused = false;
  (*worker)->bind_port(NetworkInterfaceId::trusted("eni-1"),
                       UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)),
                       [&](Result<void> result) { is_refused = !result; });
  EXPECT_TRUE(is_refused);
}

TEST(CardWorker, answers_what_was_asked_before_its_end) {
  int answers = 0;
  {
    auto worker = CardWorker::create({.card = {}, .resolver_file = ""});
    ASSERT_TRUE(worker);
    for (int i = 0; i < 100; ++i) (*worker)->apply({}, [&] { ++answers; });
    (*worker)->unbind_port(NetworkInterfaceId::trusted("eni-1"), [&] { ++answers; });
  }
  EXPECT_EQ(answers, 101);
}

}  // namespace
}  // namespace enid::host
