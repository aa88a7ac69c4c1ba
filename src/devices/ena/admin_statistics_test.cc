// What drivers are told by GET_STATS: the interface's numbers, a queue's, and those of limits.
#include <gtest/gtest.h>

#include "devices/ena/admin_statistics.h"
#include "devices/ena/ena_port.h"
#include "devices/ena/scripted_driver.h"

namespace enid::devices::ena {
namespace {

// ena_admin_get_stats_type
constexpr std::uint8_t kBasic = 0;
constexpr std::uint8_t kExtended = 1;
constexpr std::uint8_t kAllowances = 2;
constexpr std::uint8_t kSrd = 3;
constexpr std::uint8_t kMetrics = 4;

struct Request {
  std::uint8_t kind = kBasic;
  ScriptedBuffer into = {};
  std::uint64_t metrics = 0;
  std::uint8_t scope = 0;
  std::uint16_t queue = 0;
  std::uint16_t device = 0;
};

ScriptedAnswer ask(ScriptedDriver& driver, const Request& request) {
  AdminCommand get = ScriptedDriver::command(AdminOpcode::kGetStatistics, request.into);
  get.bytes[3] = 0;  // Linux announces no buffer, and gives one.
  get.bytes[16] = request.kind;
  get.bytes[17] = request.scope;
  pci::store_little_endian(&get.bytes[20], request.queue);
  pci::store_little_endian(&get.bytes[22], request.device);
  pci::store_little_endian(&get.bytes[24], request.metrics);
  return driver.execute(get);
}

class AdminStatisticsTest : public ::testing::Test {
 protected:
  AdminStatisticsTest() { driver.begin(); }
  std::uint64_t word(std::size_t at) const { return pci::load_little_endian<std::uint64_t>(memory_ + at); }

  ScriptedDriver driver;
  ScriptedBuffer buffer{driver.allocate(4096), 512};

 private:
  const std::uint8_t* memory_ = driver.at(buffer.address);
};

TEST_F(AdminStatisticsTest, tell_of_the_interface) {
  DataPathStatistics& counts = driver.data_path.counts;
  counts.transmitted_bytes = 0x1'0000'0001;
  counts.receive_overruns = 7;
  EXPECT_EQ(ask(driver, {}).load<std::uint64_t>(0), 0x1'0000'0001u);
  EXPECT_EQ(ask(driver, {}).load<std::uint64_t>(48), 7u);
  EXPECT_EQ(ask(driver, {.kind = kExtended}).status, AdminStatus::kUnsupported);
  EXPECT_EQ(ask(driver, {.kind = kSrd}).load<std::uint64_t>(8), 0u);
  counts.srd = {.flags = 3, .tx_pkts = 4, .eligible_tx_pkts = 5, .rx_pkts = 6, .resource_utilization = 7};
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(ask(driver, {.kind = kSrd}).load<std::uint64_t>(i * 8), i + 3) << "as ethtool shows them";
}

TEST_F(AdminStatisticsTest, tell_of_one_queue_only_those_who_name_their_device_too) {
  DataPathStatistics& counts = driver.data_path.counts;
  counts.transmitted_packets = 100;
  counts.transmit[3] = {.packets = 30, .bytes = 3000, .drops = 3};
  counts.receive[3] = {.packets = 40, .bytes = 4000, .drops = 4, .overruns = 5};
  const ScriptedAnswer third = ask(driver, {.queue = 3, .device = 0xffff});
  const std::uint64_t expected[] = {3000, 30, 4000, 40, 4, 3, 5};
  for (std::size_t i = 0; i < std::size(expected); ++i)
    EXPECT_EQ(third.load<std::uint64_t>(i * 8), expected[i]) << i;
  EXPECT_EQ(ask(driver, {}).load<std::uint64_t>(8), 100u) << "as all drivers ask";
  EXPECT_EQ(ask(driver, {.scope = 1, .queue = 3, .device = 0xffff}).load<std::uint64_t>(8), 100u);
  EXPECT_EQ(ask(driver, {.queue = kQueuePairsMax, .device = 0xffff}).status, AdminStatus::kIllegalParameter);
  EXPECT_EQ(ask(driver, {.queue = 0xffff, .device = 0xffff}).status, AdminStatus::kIllegalParameter);
}

TEST_F(AdminStatisticsTest, tell_of_limits_in_both_forms) {
  driver.data_path.counts.allowances = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(ask(driver, {.kind = kAllowances}).load<std::uint64_t>(32), 5u);
  EXPECT_EQ(ask(driver, {.kind = kMetrics, .metrics = 0x3f}).load<std::uint64_t>(0), 0x3fu)
      << "which there are";
  EXPECT_EQ(ask(driver, {.kind = kMetrics, .metrics = ~std::uint64_t{0}}).load<std::uint64_t>(0), 0x3fu);
  EXPECT_EQ(ask(driver, {kMetrics, buffer, 0x22}).status, AdminStatus::kSuccess);
  EXPECT_EQ(word(0), 2u);
  EXPECT_EQ(word(8), 6u) << "the next that was asked for follows at once";
  EXPECT_EQ(ask(driver, {kMetrics, {buffer.address, 15}, 0x22}).status, AdminStatus::kMalformed);
  EXPECT_EQ(ask(driver, {kMetrics, {0xffff'0000'0000, 512}, 0x22}).status, AdminStatus::kIllegalParameter);
  EXPECT_EQ(driver.get_feature(1).load<std::uint32_t>(12), 7u) << "Linux asks for what is announced";
}

class ScriptedAllowances final : public card::AllowanceSource {
 public:
  card::Allowances now;
  card::Allowances allowances() const override { return now; }
};

TEST(AllowanceStatistics, are_the_cards_and_stay_when_the_port_leaves_it) {
  ScriptedDescriptors descriptors;
  const ControllerOptions options;
  const DeviceMemory memory = *DeviceMemory::create(descriptors, options);
  std::vector<QueueState> states(kQueueStates);
  EnaPort port(memory.doorbell_page(), memory.low_latency_bar(), states, {});
  ScriptedDriver driver(options, memory, port);
  driver.begin();
  const auto metric = [&](std::size_t index) {
    const ScriptedBuffer into{driver.allocate(4096), 8};
    EXPECT_EQ(ask(driver, {kMetrics, into, std::uint64_t{1} << index}).status, AdminStatus::kSuccess);
    return pci::load_little_endian<std::uint64_t>(driver.at(into.address));
  };
  EXPECT_EQ(metric(5), 0u) << "no card, no room";
  ScriptedAllowances card;
  card.now = {.link_local_exceeded = 7, .connections_exceeded = 8, .connections_available = 9};
  port.set_allowances(&card);
  EXPECT_EQ(metric(0), 0u) << "no bandwidth is shaped";
  EXPECT_EQ(metric(3), 8u);
  EXPECT_EQ(metric(4), 7u);
  EXPECT_EQ(metric(5), 9u);
  card.now.link_local_exceeded = 10;
  EXPECT_EQ(metric(4), 10u);
  card.now.express = {.mode = 3, .tx_pkts = 11, .eligible_tx_pkts = 12, .rx_pkts = 13};
  EXPECT_EQ(ask(driver, {.kind = kSrd}).load<std::uint64_t>(0), 3u);
  EXPECT_EQ(ask(driver, {.kind = kSrd}).load<std::uint64_t>(16), 12u);
  port.set_allowances(nullptr);
  EXPECT_EQ(metric(4), 10u) << "a counter does not go back";
}

}  // namespace
}  // namespace enid::devices::ena
