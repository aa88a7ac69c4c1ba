#include "pci/config_space.h"

#include <gtest/gtest.h>

#include <map>

#include "pci/little_endian.h"

namespace enid::pci {
namespace {

PciDescription adapter() {
  PciDescription description{.vendor = 0x1d0f,
                             .device = 0xec20,
                             .subsystem_vendor = 0x1d0f,
                             .subsystem_device = 0xec20,
                             .revision = 0,
                             .class_code = 0x020000,
                             .bars = {},
                             .vectors = 9,
                             .msix_bar = 1,
                             .msix_table = 0,
                             .msix_pending = 0x800};
  description.bars.push_back({.index = 0, .size = 0x10000, .is_prefetchable = false, .mapped = {}});
  description.bars.push_back({.index = 2, .size = 0x100000, .is_prefetchable = true, .mapped = {}});
  return description;
}

template <class Word>
Word read(const ConfigSpace& space, std::uint32_t offset) {
  std::uint8_t bytes[sizeof(Word)];
  space.read(offset, bytes);
  return load_little_endian<Word>(bytes);
}

template <class Word>
void write(ConfigSpace& space, std::uint32_t offset, Word value) {
  std::uint8_t bytes[sizeof(Word)];
  store_little_endian<Word>(bytes, value);
  space.write(offset, bytes);
}

TEST(ConfigSpace, says_who_the_device_is) {
  const ConfigSpace space(adapter());
  EXPECT_EQ(read<std::uint32_t>(space, 0x00), 0xec20'1d0f);
  EXPECT_EQ(read<std::uint32_t>(space, 0x08), 0x0200'0000u);
  EXPECT_EQ(read<std::uint32_t>(space, 0x2c), 0xec20'1d0f);
  EXPECT_EQ(read<std::uint8_t>(space, 0x3d), 0) << "no INTx";
  EXPECT_EQ(read<std::uint32_t>(space, 0x10), 0u);
  EXPECT_EQ(read<std::uint32_t>(space, 0x18), 8u) << "prefetchable";
}

TEST(ConfigSpace, chains_msix_power_management_and_express) {
  const ConfigSpace space(adapter());
  EXPECT_EQ(read<std::uint16_t>(space, 0x06) & 0x10, 0x10);
  std::vector<std::uint8_t> ids;
  for (std::uint8_t at = read<std::uint8_t>(space, 0x34); at != 0; at = read<std::uint8_t>(space, at + 1u)) {
    ids.push_back(read<std::uint8_t>(space, at));
    ASSERT_LE(ids.size(), 3u);
  }
  EXPECT_EQ(ids, (std::vector<std::uint8_t>{0x11, 0x01, 0x10}));
  EXPECT_EQ(read<std::uint16_t>(space, 0x42), 8) << "table size minus one";
  EXPECT_EQ(read<std::uint32_t>(space, 0x44), 1u);
  EXPECT_EQ(read<std::uint32_t>(space, 0x48), 0x801u);
}

TEST(ConfigSpace, a_device_without_vectors_has_no_msix) {
  PciDescription description = adapter();
  description.vectors = 0;
  const ConfigSpace space(description);
  EXPECT_EQ(read<std::uint8_t>(space, 0x34), 0x50);
}

TEST(ConfigSpace, keeps_only_the_bits_that_may_be_written) {
  const std::map<std::uint32_t, std::uint32_t> expected = {{0x04, 0x0547},      {0x0c, 0xff}, {0x3c, 0xff},
                                                           {0x40, 0xc000'0000}, {0x54, 3},    {0x68, 0x7fff}};
  const ConfigSpace fresh(adapter());
  for (std::uint32_t offset = 0; offset < ConfigSpace::kBytes; offset += 4) {
    const auto found = expected.find(offset);
    const std::uint32_t mask = found == expected.end() ? 0 : found->second;
    ConfigSpace space(adapter());
    write<std::uint32_t>(space, offset, 0xffff'ffff);
    EXPECT_EQ(read<std::uint32_t>(space, offset), read<std::uint32_t>(fresh, offset) | mask) << offset;
    write<std::uint32_t>(space, offset, 0);
    EXPECT_EQ(read<std::uint32_t>(space, offset), read<std::uint32_t>(fresh, offset) & ~mask) << offset;
  }
}

TEST(ConfigSpace, a_sizing_write_finds_no_rom) {
  ConfigSpace space(adapter());
  write<std::uint32_t>(space, 0x30, 0xffff'f800);
  EXPECT_EQ(read<std::uint32_t>(space, 0x30), 0u);
}

TEST(ConfigSpace, a_reset_forgets_what_was_written) {
  ConfigSpace space(adapter());
  write<std::uint16_t>(space, 0x04, 0x0006);
  write<std::uint8_t>(space, 0x43, 0x80);
  EXPECT_EQ(read<std::uint16_t>(space, 0x04), 0x0006);
  space.reset();
  EXPECT_EQ(read<std::uint16_t>(space, 0x04), 0);
  EXPECT_EQ(read<std::uint8_t>(space, 0x43), 0);
}

TEST(ConfigSpace, the_whole_space_is_read_at_once) {
  const ConfigSpace space(adapter());
  std::vector<std::uint8_t> all(ConfigSpace::kBytes);
  space.read(0, all);
  EXPECT_EQ(all[0], 0x0f);
  for (std::size_t at = 0x100; at < all.size(); ++at) ASSERT_EQ(all[at], 0) << "extended space is empty";
}

}  // namespace
}  // namespace enid::pci
