#include "pci/dma_table.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <optional>

#include "base/random.h"
#include "pci/testing/memory_descriptors.h"

namespace enid::pci {
namespace {

using testing::MemoryDescriptor;
using testing::MemoryDescriptorUser;
using testing::MemoryFile;

constexpr std::uint64_t kPage = 4096;

struct Lab {
  Lab() {
    for (std::size_t i = 0; i < memory->bytes.size(); ++i)
      memory->bytes[i] = static_cast<std::uint8_t>(i / kPage);
  }
  // Returns the error number, 0: granted.
  int map(std::uint64_t address, std::uint64_t size, std::uint64_t offset, bool writable = true) {
    const MemoryDescriptor file(memory);
    return number(table.map({address, size, true, writable, offset}, &file));
  }
  int map_without_file(std::uint64_t address, std::uint64_t size) {
    return number(table.map({address, size, true, true, 0}, nullptr));
  }
  int unmap(std::uint64_t address, std::uint64_t size) { return number(table.unmap(address, size)); }
  std::optional<std::uint8_t> byte_at(std::uint64_t address) {
    const auto byte = table.picture()->readable(address, 1);
    return byte ? std::optional(byte->front()) : std::nullopt;
  }
  static int number(const Result<void>& result) { return result ? 0 : result.error().code.value(); }

  MemoryDescriptorUser descriptors;
  std::shared_ptr<MemoryFile> memory = std::make_shared<MemoryFile>(256 * kPage);
  DmaTable table{descriptors};
};

TEST(DmaTable, thousands_of_pages_of_one_file_are_one_mapping) {
  Lab lab;
  for (std::uint64_t page = 0; page < 5000; ++page)
    ASSERT_EQ(lab.map(page * 2 * kPage, kPage, page * 7 % 256 * kPage), 0);
  EXPECT_EQ(lab.descriptors.maps_made, 1);
  EXPECT_EQ(lab.byte_at(10 * 2 * kPage), 70);
}

TEST(DmaTable, pages_that_continue_each_other_are_one_range_of_the_picture) {
  Lab lab;
  for (std::uint64_t page = 0; page < 10; ++page) lab.map(page * kPage, kPage, page * kPage);
  lab.map(10 * kPage, kPage, 50 * kPage);
  lab.map(11 * kPage, kPage, 51 * kPage, false);
  EXPECT_EQ(lab.table.picture()->ranges().size(), 3u);
  EXPECT_TRUE(lab.table.picture()->writable(kPage - 8, 16).has_value());
}

TEST(DmaTable, refuses_maps_that_overlap_wrap_or_are_empty) {
  Lab lab;
  ASSERT_EQ(lab.map(10 * kPage, 2 * kPage, 0), 0);
  EXPECT_EQ(lab.map(10 * kPage, kPage, 0), EEXIST);
  EXPECT_EQ(lab.map(11 * kPage, 5 * kPage, 0), EEXIST);
  EXPECT_EQ(lab.map(9 * kPage, 2 * kPage, 0), EEXIST);
  EXPECT_EQ(lab.map(0, 100 * kPage, 0), EEXIST);
  EXPECT_EQ(lab.map_without_file(11 * kPage, kPage), EEXIST);
  EXPECT_EQ(lab.map(9 * kPage, kPage, 0), 0);
  EXPECT_EQ(lab.map(12 * kPage, kPage, 0), 0);
  EXPECT_EQ(lab.map(0, 0, 0), EINVAL);
  EXPECT_EQ(lab.map(~std::uint64_t{0} - 10, kPage, 0), EINVAL);
  EXPECT_EQ(lab.map(100 * kPage, kPage, ~std::uint64_t{0} - 10), EINVAL);
}

TEST(DmaTable, the_whole_of_all_addresses_may_be_known_and_still_nothing_is_accessible) {
  Lab lab;
  EXPECT_EQ(lab.map_without_file(0, ~std::uint64_t{0}), 0);
  EXPECT_EQ(lab.map_without_file(~std::uint64_t{0}, 1), 0);
  EXPECT_FALSE(lab.table.has_changed());
  EXPECT_FALSE(lab.byte_at(0).has_value());
  EXPECT_EQ(lab.unmap(1, ~std::uint64_t{0} - 1), 0);
  EXPECT_EQ(lab.table.size(), 2u);
}

TEST(DmaTable, refuses_what_lies_beyond_the_end_of_a_file_also_when_it_has_shrunk) {
  Lab lab;
  EXPECT_EQ(lab.map(0, 257 * kPage, 0), EINVAL);
  EXPECT_EQ(lab.map(0, kPage, 255 * kPage + 1), EINVAL);
  ASSERT_EQ(lab.map(0, kPage, 255 * kPage), 0);
  lab.memory->shown_size = 100 * kPage;
  EXPECT_EQ(lab.map(kPage, kPage, 254 * kPage), EINVAL) << "though the mapping made before would reach";
}

TEST(DmaTable, a_file_that_has_grown_is_mapped_again) {
  Lab lab;
  lab.memory->shown_size = 100 * kPage;
  ASSERT_EQ(lab.map(0, kPage, 0), 0);
  lab.memory->shown_size = 200 * kPage;
  ASSERT_EQ(lab.map(kPage, kPage, 150 * kPage), 0);
  ASSERT_EQ(lab.map(2 * kPage, kPage, 99 * kPage), 0);
  EXPECT_EQ(lab.descriptors.maps_made, 2);
  EXPECT_EQ(lab.byte_at(kPage), 150);
  EXPECT_EQ(lab.byte_at(0), 0);
}

TEST(DmaTable, a_file_that_cannot_be_mapped_whole_is_mapped_in_parts) {
  Lab lab;
  lab.memory->is_mappable_whole = false;
  ASSERT_EQ(lab.map(0, 10 * kPage, 20 * kPage), 0);
  ASSERT_EQ(lab.map(20 * kPage, kPage, 25 * kPage), 0);
  ASSERT_EQ(lab.map(30 * kPage, kPage, 50 * kPage), 0);
  EXPECT_EQ(lab.descriptors.maps_made, 2) << "page 25 is in the first part";
  EXPECT_EQ(lab.byte_at(20 * kPage), 25);
  EXPECT_EQ(lab.byte_at(30 * kPage), 50);
}

TEST(DmaTable, an_unmap_may_cover_several_maps_or_none_or_a_part_of_one) {
  Lab lab;
  for (std::uint64_t page = 0; page < 8; page += 2) lab.map(page * kPage, kPage, page * kPage);
  EXPECT_EQ(lab.unmap(100 * kPage, kPage), 0);
  EXPECT_EQ(lab.unmap(0, 5 * kPage), 0);
  EXPECT_EQ(lab.table.size(), 1u);
  lab.map(10 * kPage, 10 * kPage, 100 * kPage);
  EXPECT_EQ(lab.unmap(14 * kPage, 2 * kPage), 0);
  EXPECT_EQ(lab.byte_at(13 * kPage), 103);
  EXPECT_FALSE(lab.byte_at(14 * kPage).has_value());
  EXPECT_EQ(lab.byte_at(16 * kPage), 106);
  EXPECT_EQ(lab.unmap(0, 0), EINVAL);
  EXPECT_EQ(lab.unmap(~std::uint64_t{0}, 2), EINVAL);
}

TEST(DmaTable, has_a_limit_and_says_so) {
  Lab lab;
  for (std::uint64_t page = 0; page < DmaTable::kRangesMax; ++page)
    ASSERT_EQ(lab.map(page * 3 * kPage, 2 * kPage, 0), 0);
  EXPECT_EQ(lab.map(~std::uint64_t{0} - kPage, kPage, 0), ENOSPC);
  EXPECT_EQ(lab.unmap(10, 10), ENOSPC) << "would leave one more";
  EXPECT_EQ(lab.unmap(0, kPage), 0);
}

TEST(DmaTable, a_mapping_lives_as_long_as_a_picture_shows_it) {
  Lab lab;
  lab.map(0, kPage, 0);
  auto picture = lab.table.picture();
  lab.table.unmap_all();
  EXPECT_TRUE(lab.table.has_changed());
  EXPECT_EQ(*lab.descriptors.maps_alive, 1);
  picture.reset();
  EXPECT_EQ(*lab.descriptors.maps_alive, 0);
}

TEST(DmaTable, keeps_few_files_that_nobody_uses) {
  Lab lab;
  for (int i = 0; i < 100; ++i) {
    const MemoryDescriptor file(std::make_shared<MemoryFile>(kPage));
    ASSERT_TRUE(lab.table.map({0, kPage, true, true, 0}, &file));
    ASSERT_EQ(lab.unmap(0, kPage), 0);
  }
  EXPECT_LE(*lab.descriptors.maps_alive, static_cast<int>(DmaTable::kFilesKept));
}

class DmaTableAgainstReference : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(DmaTableAgainstReference, shows_the_same_bytes) {
  Random random(GetParam());
  Lab lab;
  constexpr std::uint64_t kPages = 64;
  struct Byte {
    std::uint8_t value = 0;
    bool is_known = false, is_accessible = false, writable = false;
  };
  std::vector<Byte> pages(kPages);
  for (int step = 0; step < 600; ++step) {
    const std::uint64_t first = random.below(kPages),
                        count = 1 + random.below(std::min<std::uint64_t>(8, kPages - first));
    const auto range = std::span(pages).subspan(first, count);
    if (random.below(2) == 0) {
      ASSERT_EQ(lab.unmap(first * kPage, count * kPage), 0);
      std::ranges::fill(range, Byte{});
    } else {
      const bool is_free = std::ranges::none_of(range, &Byte::is_known);
      const std::uint64_t offset = random.below(200);
      const bool has_file = random.below(4) > 0, writable = random.below(3) > 0;
      const int error = has_file ? lab.map(first * kPage, count * kPage, offset * kPage, writable)
                                 : lab.map_without_file(first * kPage, count * kPage);
      ASSERT_EQ(error, is_free ? 0 : EEXIST);
      for (std::uint64_t i = 0; i < count && is_free; ++i)
        range[i] = {static_cast<std::uint8_t>(offset + i), true, has_file, writable};
    }
    const auto picture = lab.table.picture();
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const auto bytes = picture->readable(page * kPage, kPage);
      ASSERT_EQ(bytes.has_value(), pages[page].is_accessible) << page;
      if (!bytes) continue;
      ASSERT_EQ(bytes->front(), pages[page].value) << page;
      ASSERT_EQ(picture->writable(page * kPage, kPage).has_value(), pages[page].writable) << page;
    }
  }
  EXPECT_LE(lab.descriptors.maps_made, 2) << "one to read, one to write";
}

INSTANTIATE_TEST_SUITE_P(Seeds, DmaTableAgainstReference, ::testing::Range<std::uint64_t>(1, 11));

}  // namespace
}  // namespace enid::pci
