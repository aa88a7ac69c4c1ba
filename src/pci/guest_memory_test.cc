#include "pci/guest_memory.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "base/random.h"

namespace enid::pci {
namespace {

// Memory made of one array; each range shows a part of it.
struct Ground {
  explicit Ground(std::size_t size) : bytes(size) {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  }
  MemoryRange range(std::uint64_t address, std::uint64_t size, std::size_t at, bool readable = true,
                    bool writable = true) {
    return {address, size, readable, writable, bytes.data() + at, nullptr};
  }
  std::vector<std::uint8_t> bytes;
};

TEST(GuestMemory, gives_the_bytes_of_one_range) {
  Ground ground(100);
  const GuestMemory memory({ground.range(1000, 50, 20)});
  const auto bytes = memory.writable(1010, 40);
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(bytes->data(), ground.bytes.data() + 30);
  EXPECT_EQ(bytes->size(), 40u);
}

TEST(GuestMemory, refuses_what_lies_outside_or_only_partly_inside) {
  Ground ground(100);
  const GuestMemory memory({ground.range(1000, 50, 0)});
  EXPECT_FALSE(memory.readable(999, 1).has_value());
  EXPECT_FALSE(memory.readable(1050, 1).has_value());
  EXPECT_FALSE(memory.readable(1049, 2).has_value());
  EXPECT_FALSE(memory.readable(1000, std::numeric_limits<std::uint64_t>::max()).has_value());
  std::array<std::uint8_t, 2> two{};
  EXPECT_FALSE(memory.read(1049, two));
}

TEST(GuestMemory, an_access_over_two_neighbours_goes_piece_by_piece) {
  Ground ground(100);
  const GuestMemory memory({ground.range(1010, 10, 0), ground.range(1000, 10, 50)});  // In any order.
  EXPECT_FALSE(memory.readable(1005, 10).has_value());
  std::array<std::uint8_t, 10> ten{};
  ASSERT_TRUE(memory.read(1005, ten));
  EXPECT_EQ(ten[0], ground.bytes[55]);
  EXPECT_EQ(ten[5], ground.bytes[0]);
}

TEST(GuestMemory, a_refused_write_has_touched_nothing) {
  Ground ground(100);
  const GuestMemory memory({ground.range(1000, 10, 0), ground.range(1010, 10, 10, true, false)});
  const std::vector<std::uint8_t> before = ground.bytes;
  const std::array<std::uint8_t, 4> four{1, 2, 3, 4};
  EXPECT_FALSE(memory.write(1008, four));
  EXPECT_EQ(ground.bytes, before);
}

TEST(GuestMemory, permissions_are_kept_apart) {
  Ground ground(100);
  const GuestMemory memory({ground.range(0, 10, 0, true, false), ground.range(10, 10, 10, false, true)});
  EXPECT_TRUE(memory.readable(0, 10).has_value());
  EXPECT_FALSE(memory.writable(0, 10).has_value());
  EXPECT_FALSE(memory.readable(10, 10).has_value());
  EXPECT_TRUE(memory.writable(10, 10).has_value());
}

TEST(GuestMemory, a_range_without_bytes_is_never_accessible) {
  const GuestMemory memory({{1000, 10, true, true, nullptr, nullptr}});
  EXPECT_FALSE(memory.readable(1000, 1).has_value());
  std::array<std::uint8_t, 1> one{};
  EXPECT_FALSE(memory.read(1000, one));
  EXPECT_FALSE(memory.write(1000, one));
}

TEST(GuestMemory, the_last_bytes_of_all_addresses_do_not_wrap) {
  Ground ground(100);
  const std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  const GuestMemory memory({ground.range(last - 9, 10, 0), ground.range(0, 10, 10)});
  std::array<std::uint8_t, 10> ten{};
  EXPECT_TRUE(memory.read(last - 9, ten));
  EXPECT_FALSE(memory.read(last - 8, ten));
  EXPECT_FALSE(memory.readable(last - 8, 10).has_value());
}

// The reference: for each address of a small space, which byte it is and what may be done.
struct Reference {
  static constexpr std::size_t kSpace = 256;
  std::array<std::uint8_t*, kSpace> byte{};
  std::array<bool, kSpace> readable{}, writable{};

  bool allows(std::size_t address, std::size_t size, bool write) const {
    for (std::size_t at = address; at < address + size; ++at)
      if (at >= kSpace || byte[at] == nullptr || !(write ? writable[at] : readable[at])) return false;
    return true;
  }
};

class GuestMemoryAgainstReference : public testing::TestWithParam<std::uint64_t> {};

TEST_P(GuestMemoryAgainstReference, answers_every_access_alike) {
  Random random(GetParam());
  Ground ground(1024);
  Reference reference;
  std::vector<MemoryRange> ranges;
  for (std::uint64_t address = random.below(8); address < Reference::kSpace;) {
    const std::uint64_t size = std::min(1 + random.below(40), Reference::kSpace - address);
    MemoryRange range =
        ground.range(address, size, random.below(900), random.below(4) > 0, random.below(4) > 0);
    if (random.below(6) == 0) range.bytes = nullptr;
    for (std::uint64_t i = 0; i < size; ++i) {
      reference.byte[address + i] = range.bytes == nullptr ? nullptr : range.bytes + i;
      reference.readable[address + i] = range.readable;
      reference.writable[address + i] = range.writable;
    }
    ranges.push_back(range);
    address += size + (random.below(2) == 0 ? 0 : random.below(10));
  }
  for (std::size_t i = ranges.size(); i > 1; --i) std::swap(ranges[i - 1], ranges[random.below(i)]);
  const GuestMemory memory(ranges);

  for (int access = 0; access < 2000; ++access) {
    const std::uint64_t address = random.below(Reference::kSpace + 20), size = random.below(60);
    std::vector<std::uint8_t> data(size);
    if (random.below(2) == 0) {
      ASSERT_EQ(memory.read(address, data), reference.allows(address, size, false));
      for (std::size_t i = 0; i < size && reference.allows(address, size, false); ++i)
        ASSERT_EQ(data[i], *reference.byte[address + i]);
    } else {
      for (auto& byte : data) byte = static_cast<std::uint8_t>(random.next());
      std::vector<std::uint8_t> expected = ground.bytes;
      const bool is_allowed = reference.allows(address, size, true);
      if (is_allowed)  // Ranges may show the same byte twice: the later address wins, as in a loop.
        for (std::size_t i = 0; i < size; ++i)
          expected[static_cast<std::size_t>(reference.byte[address + i] - ground.bytes.data())] = data[i];
      ASSERT_EQ(memory.write(address, data), is_allowed);
      ASSERT_EQ(ground.bytes, expected);
    }
    if (const auto piece = memory.readable(address, size); piece && size > 0) {
      ASSERT_TRUE(reference.allows(address, size, false));
      ASSERT_EQ(piece->data(), reference.byte[address]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, GuestMemoryAgainstReference, testing::Range<std::uint64_t>(1, 21));

}  // namespace
}  // namespace enid::pci
