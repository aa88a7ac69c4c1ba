#include "wire/geneve.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "base/random.h"

namespace enid::wire {
namespace {

TEST(Geneve, what_is_written_is_read_back) {
  std::array<std::uint8_t, 8> bytes{};
  GeneveHeader{.vni = 0xabcdef, .is_control = true}.write(bytes);
  // RFC 8926 section 3.4, byte by byte: version and options' length, flags, protocol, VNI, reserved.
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 8>{0x00, 0x80, 0x65, 0x58, 0xab, 0xcd, 0xef, 0x00}));
  const auto read = GeneveHeader::parse(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->vni, 0xabcdefu);
  EXPECT_EQ(read->protocol, GeneveHeader::kEthernet);
  EXPECT_TRUE(read->is_control);
  EXPECT_FALSE(read->has_critical_options);
}

TEST(Geneve, options_are_walked_to_their_end) {
  // Two options: four bytes of value, and none; then the inner frame.
  const std::vector<std::uint8_t> bytes = {
      0x03, 0x40, 0x65, 0x58, 0,   0, 7, 0,  // 12 bytes of options, critical
      0x01, 0x02, 0x85, 0x01, 1,   2, 3, 4,  //
      0xff, 0xff, 0x01, 0x00, 0xee};
  const auto header = GeneveHeader::parse(bytes);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->bytes(), 20u);
  EXPECT_TRUE(header->has_critical_options);
  const auto first = GeneveOption::parse(ConstBytes(bytes).subspan(8, 12));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->option_class, 0x0102);
  EXPECT_TRUE(first->is_critical());
  EXPECT_EQ(first->value.size(), 4u);
  const auto second = GeneveOption::parse(first->rest);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->option_class, 0xffff);
  EXPECT_FALSE(second->is_critical());
  EXPECT_FALSE(GeneveOption::parse(second->rest));
}

TEST(Geneve, lengths_that_lie_are_refused) {
  struct Case {
    const char* name;
    std::vector<std::uint8_t> bytes;
  };
  const std::vector<Case> cases = {
      {"cut short", {0, 0, 0x65, 0x58, 0, 0, 1}},
      {"version 1", {0x40, 0, 0x65, 0x58, 0, 0, 1, 0}},
      {"options beyond the packet", {0x01, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0}},
      {"an option beyond the options", {0x01, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0x01, 9, 9, 9, 9}},
  };
  for (const Case& c : cases) EXPECT_FALSE(GeneveHeader::parse(c.bytes)) << c.name;
}

TEST(Geneve, source_ports_are_dynamic_ones_and_spread) {
  Random random(3);
  std::set<std::uint16_t> ports;
  for (int flow = 0; flow < 1000; ++flow) {
    const std::uint16_t port = geneve_source_port(static_cast<std::uint32_t>(random.next()));
    EXPECT_GE(port, 49152);
    ports.insert(port);
  }
  EXPECT_GT(ports.size(), 900u);
}

}  // namespace
}  // namespace enid::wire
