// FlowKey: one direction of one IPv4 conversation, seen from one interface, in 16 bytes.
//
//   `scope` holds the interface's handle and the protocol, so that equal addresses in two VPCs
//   never meet. The hash is seeded: a guest cannot aim its flows at one bucket.
#pragma once

#include <bit>
#include <cstdint>

namespace enid::flow {

struct FlowKey {
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t scope = 0;  // Interface's handle in the upper 24 bits, protocol in the lower 8.

  static constexpr std::uint32_t kInterfacesMax = 1 << 24;
  static constexpr std::uint32_t scope_of(std::uint32_t interface, std::uint8_t protocol) {
    return interface << 8 | protocol;
  }
  constexpr std::uint32_t interface() const { return scope >> 8; }
  constexpr std::uint8_t protocol() const { return static_cast<std::uint8_t>(scope); }

  bool operator==(const FlowKey&) const = default;
};
static_assert(sizeof(FlowKey) == 16);

// A 64 by 64 bit multiplication, folded: each bit of the result depends on all bits of the key.
inline std::uint64_t hash_of(const FlowKey& key, std::uint64_t seed) {
  __extension__ using Wide = unsigned __int128;
  struct Halves {
    std::uint64_t first, second;
  };
  const auto halves = std::bit_cast<Halves>(key);
  const Wide product = static_cast<Wide>(halves.first ^ seed ^ 0x9e3779b97f4a7c15) *
                       (halves.second ^ std::rotl(seed, 32) ^ 0xd6e8feb86659fd93);
  const std::uint64_t folded =
      static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  return folded ^ folded >> 32;
}

}  // namespace enid::flow
