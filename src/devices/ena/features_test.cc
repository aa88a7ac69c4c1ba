#include "devices/ena/features.h"

#include <gtest/gtest.h>

#include "devices/ena/scripted_driver.h"

namespace enid::devices::ena {
namespace {

using Buffer = ScriptedDriver::Buffer;

class FeaturesTest : public ::testing::Test {
 protected:
  FeaturesTest() {
    driver.begin();
    buffer = {driver.allocate(4096), 512};
  }
  std::uint32_t word(std::size_t place) {
    return pci::load_little_endian<std::uint32_t>(driver.at(buffer.address) + place);
  }
  void set_word(std::size_t place, std::uint32_t value) {
    pci::store_little_endian(driver.at(buffer.address) + place, value);
  }

  ScriptedDriver driver{{.queue_pairs = 4, .vectors = 5}};
  Buffer buffer;
};

TEST_F(FeaturesTest, announces_what_it_answers_and_answers_what_it_announces) {
  const auto announced = driver.get_feature(1).load<std::uint32_t>(8);
  for (std::uint8_t feature = 0; feature < 32; ++feature) {
    const bool is_announced = (announced >> feature & 1) != 0;
    const bool is_told = driver.get_feature(feature).status == AdminStatus::kSuccess;
    if (feature == 2) {
      EXPECT_TRUE(is_told) << "the old numbers, told though not announced";
    } else if (feature == 28) {
      EXPECT_TRUE(is_announced && !is_told) << "only the driver has something to tell";
    } else {
      EXPECT_EQ(is_announced, is_told) << int{feature};
    }
  }
  EXPECT_EQ(driver.get_feature(200).status, AdminStatus::kUnsupported);
  EXPECT_EQ(driver.set_feature(1, {}).status, AdminStatus::kUnsupported);
  EXPECT_EQ(driver.get_feature(2).load<std::uint32_t>(0), 4u);
}

TEST_F(FeaturesTest, takes_only_mtus_that_it_offers) {
  EXPECT_EQ(driver.set_feature(14, {9216}).status, AdminStatus::kSuccess);
  EXPECT_EQ(driver.set_feature(14, {1500}).status, AdminStatus::kSuccess);
  for (const std::uint32_t mtu : {0u, 67u, 9217u, 0xffff'ffffu}) {
    EXPECT_EQ(driver.set_feature(14, {mtu}).status, AdminStatus::kIllegalParameter) << mtu;
  }
  EXPECT_EQ(driver.data_path.mtu, 1500u);
  EXPECT_EQ(driver.get_feature(14).load<std::uint32_t>(0), 1500u);
}

TEST_F(FeaturesTest, takes_only_groups_of_events_that_it_has) {
  EXPECT_EQ(driver.set_feature(26, {0, 1u << 5}).status, AdminStatus::kIllegalParameter);
  EXPECT_EQ(driver.get_feature(26).load<std::uint32_t>(4), 0x1fu);
}

TEST_F(FeaturesTest, has_a_key_before_the_driver_sets_one) {
  EXPECT_EQ(driver.get_feature(10, buffer).status, AdminStatus::kSuccess);
  EXPECT_EQ(word(0), 10u);
  EXPECT_EQ(word(8), 0xda565a6du);
  EXPECT_FALSE(driver.data_path.steering.is_on);
}

TEST_F(FeaturesTest, steers_as_the_driver_says) {
  for (std::uint32_t i = 0; i < 128; ++i) set_word(i * 4, i % 4);
  EXPECT_EQ(driver.set_feature(12, {0, 7, 0xffff'ffff}, buffer).status, AdminStatus::kSuccess);
  EXPECT_TRUE(driver.data_path.steering.is_on);
  EXPECT_EQ(driver.data_path.steering.table[127], 3);
  set_word(0, 10);
  for (std::size_t i = 0; i < 40; ++i) driver.at(buffer.address)[8 + i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(driver.set_feature(10, {0, 2, 0}, {buffer.address, 48}).status, AdminStatus::kSuccess);
  EXPECT_EQ(driver.data_path.steering.key[39], 39);
  for (std::size_t i = 0; i < 64; ++i) set_word(i * 4, 0);
  set_word(64, 0x0c);
  EXPECT_EQ(driver.set_feature(18, {0x0006'0000}, {buffer.address, 256}).status, AdminStatus::kSuccess);
  EXPECT_EQ(driver.data_path.steering.fields[0], 0x0c);

  EXPECT_EQ(driver.get_feature(12, buffer).load<std::uint16_t>(4), 7);
  EXPECT_EQ(word(127 * 4), 3u);
  EXPECT_EQ(driver.get_feature(18, {buffer.address, 256}).status, AdminStatus::kSuccess);
  EXPECT_EQ(word(0), 0x3cu) << "supported of TCP over IPv4";
  EXPECT_EQ(word(64), 0x0cu) << "selected";
}

TEST_F(FeaturesTest, refuses_steering_that_makes_no_sense_and_changes_nothing) {
  const std::uint64_t nowhere = 0xffff'ffff'f000;
  set_word(127 * 4, 4);
  EXPECT_EQ(driver.set_feature(12, {0, 7, 0xffff'ffff}, buffer).status, AdminStatus::kIllegalParameter)
      << "a queue that cannot be";
  set_word(127 * 4, 0);
  const struct {
    const char* what;
    std::uint8_t feature;
    std::initializer_list<std::uint32_t> words;
    Buffer buffer;
  } kTable[] = {
      {"a table of another size", 12, {0, 6}, buffer},
      {"a table of no size", 12, {0, 0}, buffer},
      {"a table without buffer", 12, {0, 7}, {}},
      {"a table in a buffer too short", 12, {0, 7}, {buffer.address, 508}},
      {"a table nowhere", 12, {0, 7}, {nowhere, 512}},
      {"a table across the end of memory",
       12,
       {0, 7},
       {ScriptedDriver::kMemoryAddress + ScriptedDriver::kMemoryBytes - 256, 512}},
      {"a hash function that nobody has", 10, {0, 4}, {buffer.address, 48}},
      {"two hash functions", 10, {0, 6}, {buffer.address, 48}},
      {"a key in a buffer too short", 10, {0, 2}, {buffer.address, 47}},
      {"a key of no length", 10, {0, 2}, {buffer.address, 48}},
      {"a key nowhere", 10, {0, 2}, {nowhere, 48}},
      {"fields without buffer", 18, {}, {}},
      {"fields in a buffer too short", 18, {}, {buffer.address, 255}},
      {"fields nowhere", 18, {}, {nowhere, 256}},
  };
  for (const auto& row : kTable) {
    const auto status = driver.set_feature(row.feature, row.words, row.buffer).status;
    EXPECT_TRUE(status == AdminStatus::kIllegalParameter || status == AdminStatus::kMalformed) << row.what;
  }
  set_word(64 + 7 * 4, 0x0c);
  EXPECT_EQ(driver.set_feature(18, {}, buffer).status, AdminStatus::kIllegalParameter)
      << "IP addresses of what is not IP";
  EXPECT_FALSE(driver.data_path.steering.is_on);
  EXPECT_EQ(driver.data_path.steering.key[0], 0x6d);
  EXPECT_EQ(driver.data_path.steering.fields[0], 0x3c);
}

TEST_F(FeaturesTest, writes_only_into_buffers_that_are_there_and_long_enough) {
  EXPECT_EQ(driver.get_feature(12, {buffer.address, 511}).status, AdminStatus::kMalformed);
  EXPECT_EQ(driver.get_feature(10, {0xffff'0000'0000, 48}).status, AdminStatus::kIllegalParameter);
  EXPECT_EQ(driver.get_feature(12).status, AdminStatus::kSuccess) << "the sizes only";
}

TEST_F(FeaturesTest, reads_a_page_about_the_host_that_may_say_anything) {
  EXPECT_EQ(driver.set_feature(28, {0xffff'f000, 0xffff}).status, AdminStatus::kIllegalParameter);
  EXPECT_FALSE(driver.device.host());
  EXPECT_EQ(driver.set_host("6.1\n\x1b[2J").status, AdminStatus::kSuccess);
  EXPECT_EQ(driver.device.host()->kernel_version, "6.1??[2J");
  const std::uint64_t page = driver.allocate(4096);
  std::memset(driver.at(page), 0xff, 4096);
  EXPECT_EQ(driver.set_feature(28, {static_cast<std::uint32_t>(page)}).status, AdminStatus::kSuccess);
  EXPECT_EQ(driver.device.host()->system_name, "unknown");
  EXPECT_EQ(driver.device.host()->kernel_version.size(), 32u);
}

TEST(LowLatencyFeature, is_offered_in_one_form_and_only_by_devices_that_have_it) {
  ScriptedDriver without;
  without.begin();
  EXPECT_EQ(without.get_feature(4).status, AdminStatus::kUnsupported);
  EXPECT_EQ(without.set_feature(4, {0, 0, 1u << 16, 1u << 16, 2u << 16, 2u << 16}).status,
            AdminStatus::kUnsupported);

  ScriptedDriver driver({.low_latency = true});
  driver.begin();
  EXPECT_NE(driver.get_feature(1).load<std::uint32_t>(8) & 1u << 4, 0u);
  const auto offer = driver.get_feature(4, {}, 1);
  EXPECT_EQ(offer.load<std::uint32_t>(4), 1024u);
  EXPECT_EQ(offer.load<std::uint32_t>(8), 1u);
  EXPECT_EQ(offer.load<std::uint32_t>(12), 1u);
  EXPECT_EQ(driver.set_feature(4, {0, 0, 2u << 16, 1u << 16, 2u << 16, 2u << 16}).status,
            AdminStatus::kIllegalParameter)
      << "headers in a ring of their own";
  EXPECT_EQ(driver.set_feature(4, {0, 0, 1u << 16, 4u << 16, 2u << 16, 2u << 16}).status,
            AdminStatus::kIllegalParameter)
      << "256 bytes";
  EXPECT_FALSE(driver.device.features().is_low_latency_enabled());
  EXPECT_EQ(driver.set_feature(4, {0, 0, 1u << 16, 1u << 16, 2u << 16, 2u << 16, 0, 3}).status,
            AdminStatus::kSuccess);
  EXPECT_EQ(driver.get_feature(4).load<std::uint32_t>(8), 0x0001'0001u);
}

}  // namespace
}  // namespace enid::devices::ena
