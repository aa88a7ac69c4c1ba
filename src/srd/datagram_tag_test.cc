#include "srd/datagram_tag.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"

namespace enid::srd {
namespace {

wire::SrdDatagram some_datagram(wire::SrdType type) {
  wire::SrdDatagram datagram;
  datagram.header = {.type = type, .flags = wire::SrdFlags::kTagged, .epoch = 3, .context = 4, .psn = 5};
  if (type == wire::SrdType::kAcknowledgement) datagram.body = wire::SrdAcknowledgement{.cumulative = 9};
  if (type == wire::SrdType::kInit) datagram.body = wire::SrdSetup{.incarnation = 9};
  return datagram;
}

// All fields are written and parsed, so whatever bit changes on the way, the tag must be another.
void expect_every_bit_counts(wire::SrdType type, auto tag) {
  const wire::SrdDatagram datagram = some_datagram(type);
  std::array<std::uint8_t, wire::SrdDatagram::kBytesMax> bytes{};
  datagram.write(bytes);
  std::set<std::uint64_t> tags = {tag(datagram)};
  std::size_t counted = 1;
  for (std::size_t bit = 0; bit < 8 * datagram.bytes(); ++bit) {
    const std::size_t at = bit / 8;
    // Bytes without meaning, and the tag itself.
    const bool is_setup = type == wire::SrdType::kInit;
    if (at == 13 || at == 31 || (at >= 32 && at < 40) || (is_setup && (at == 62 || at == 63))) continue;
    auto changed = bytes;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 1U << bit % 8);
    const auto parsed = wire::SrdDatagram::parse(ConstBytes(changed).first(datagram.bytes()));
    if (!parsed) continue;
    tags.insert(tag(*parsed));
    EXPECT_EQ(tags.size(), ++counted) << "bit " << bit;
  }
  EXPECT_GT(counted, 150u);
}

TEST(DatagramTag, depends_on_every_bit) {
  const TagKey key(HashKey{1, 2});
  const auto tag = [&](const wire::SrdDatagram& datagram) { return datagram_tag(key, datagram); };
  expect_every_bit_counts(wire::SrdType::kData, tag);
  expect_every_bit_counts(wire::SrdType::kProbe, tag);
  expect_every_bit_counts(wire::SrdType::kAcknowledgement, tag);
  expect_every_bit_counts(wire::SrdType::kInit, [&](const wire::SrdDatagram& datagram) {
    return setup_tag(HashKey{1, 2}, datagram);
  });
}

TEST(DatagramTag, depends_on_every_bit_of_the_key) {
  const wire::SrdDatagram datagram = some_datagram(wire::SrdType::kAcknowledgement);
  std::set<std::uint64_t> tags;
  for (int bit = 0; bit < 128; ++bit) {
    HashKey key{};
    key[bit / 64] ^= 1ULL << bit % 64;
    tags.insert(datagram_tag(TagKey(key), datagram));
  }
  EXPECT_EQ(tags.size(), 128u);
}

}  // namespace
}  // namespace enid::srd
