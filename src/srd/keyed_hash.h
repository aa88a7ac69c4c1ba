// SipHash: a keyed hash of a few words, for tags and cookies. Documented: Aumasson and Bernstein, "SipHash: a
// fast short-input PRF" (2012). Input is whole 64-bit words; the closing word carries the length as the
// paper has it for such inputs.
//
// Used for setup datagrams, cookies and derived keys: datagram_tag.h has what is paid for by every datagram.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

namespace enid::srd {

using HashKey = std::array<std::uint64_t, 2>;

template <int kCompressionRounds, int kFinalRounds>
class SipHash {
 public:
  explicit SipHash(const HashKey& key)
      : v0_(key[0] ^ 0x736f6d6570736575),
        v1_(key[1] ^ 0x646f72616e646f6d),
        v2_(key[0] ^ 0x6c7967656e657261),
        v3_(key[1] ^ 0x7465646279746573) {}

  void add(std::uint64_t word) {
    v3_ ^= word;
    for (int i = 0; i < kCompressionRounds; ++i) round();
    v0_ ^= word;
    ++words_;
  }

  std::uint64_t finish() {
    add(words_ * 8 << 56);
    v2_ ^= 0xff;
    for (int i = 0; i < kFinalRounds; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_, v1_ = std::rotl(v1_, 13), v1_ ^= v0_, v0_ = std::rotl(v0_, 32);
    v2_ += v3_, v3_ = std::rotl(v3_, 16), v3_ ^= v2_;
    v0_ += v3_, v3_ = std::rotl(v3_, 21), v3_ ^= v0_;
    v2_ += v1_, v1_ = std::rotl(v1_, 17), v1_ ^= v2_, v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t words_ = 0;
};

using KeyedHash = SipHash<2, 4>;

inline std::uint64_t keyed_hash(const HashKey& key, std::span<const std::uint64_t> words) {
  KeyedHash hash(key);
  for (const std::uint64_t word : words) hash.add(word);
  return hash.finish();
}

}  // namespace enid::srd
