#include "srd/aes_block.h"

#include <bit>
#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace enid::srd {
namespace {

static_assert(std::endian::native == std::endian::little);

using Bytes16 = std::array<std::uint8_t, 16>;

constexpr std::uint8_t doubled(std::uint8_t x) {
  return static_cast<std::uint8_t>(x << 1 ^ (x & 0x80 ? 0x1b : 0));
}

// FIPS 197 section 5.1.1: the inverse in GF(2^8), which powers of 3 and of its inverse walk through, and then
// an affine map.
constexpr std::array<std::uint8_t, 256> make_substitutions() {
  std::array<std::uint8_t, 256> table{};
  std::uint8_t p = 1;
  std::uint8_t q = 1;
  do {
    p = static_cast<std::uint8_t>(p ^ doubled(p));
    q = static_cast<std::uint8_t>(q ^ q << 1);
    q = static_cast<std::uint8_t>(q ^ q << 2);
    q = static_cast<std::uint8_t>(q ^ q << 4);
    if (q & 0x80) q ^= 0x09;
    const auto turned = [&](int by) { return std::rotl(q, by); };
    table[p] = static_cast<std::uint8_t>(q ^ turned(1) ^ turned(2) ^ turned(3) ^ turned(4) ^ 0x63);
  } while (p != 1);
  table[0] = 0x63;
  return table;
}
constexpr std::array<std::uint8_t, 256> kSubstitutions = make_substitutions();
static_assert(kSubstitutions[0x53] == 0xed);

// SubBytes and ShiftRows: columns are four bytes each.
Bytes16 substituted_and_shifted(const Bytes16& state) {
  Bytes16 out;
  for (std::size_t i = 0; i < 16; ++i) out[i] = kSubstitutions[state[(i + 4 * (i % 4)) % 16]];
  return out;
}

void mix_columns(Bytes16& state) {
  for (std::size_t column = 0; column < 16; column += 4) {
    std::uint8_t* const s = &state[column];
    const std::uint8_t first = s[0];
    const auto all = static_cast<std::uint8_t>(s[0] ^ s[1] ^ s[2] ^ s[3]);
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint8_t next = i == 3 ? first : s[i + 1];
      s[i] = static_cast<std::uint8_t>(s[i] ^ all ^ doubled(static_cast<std::uint8_t>(s[i] ^ next)));
    }
  }
}

AesBlock plus(const AesBlock& a, const AesBlock& b) { return {a[0] ^ b[0], a[1] ^ b[1]}; }

#if defined(__x86_64__)
const bool kHasInstructions = __builtin_cpu_supports("aes") != 0;

__attribute__((target("aes"))) AesBlock encrypt_by_instructions(const std::array<AesBlock, 11>& rounds,
                                                                std::uint64_t low, std::uint64_t high) {
  const auto* const keys = reinterpret_cast<const __m128i*>(rounds.data());
  __m128i state = _mm_unpacklo_epi64(_mm_cvtsi64_si128(static_cast<long long>(low)),
                                     _mm_cvtsi64_si128(static_cast<long long>(high)));
  state = _mm_xor_si128(state, _mm_load_si128(keys));
#pragma GCC unroll 9
  for (int i = 1; i < 10; ++i) state = _mm_aesenc_si128(state, _mm_load_si128(keys + i));
  state = _mm_aesenclast_si128(state, _mm_load_si128(keys + 10));
  return {static_cast<std::uint64_t>(_mm_cvtsi128_si64(state)),
          static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(state, state)))};
}
#endif

}  // namespace

// FIPS 197 section 5.2.
AesKey::AesKey(const AesBlock& key) {
  rounds_[0] = key;
  std::uint8_t constant = 1;
  for (std::size_t round = 1; round < rounds_.size(); ++round) {
    const Bytes16 before = std::bit_cast<Bytes16>(rounds_[round - 1]);
    Bytes16 next;
    for (std::size_t i = 0; i < 4; ++i)
      next[i] = static_cast<std::uint8_t>(before[i] ^ kSubstitutions[before[12 + (i + 1) % 4]]);
    next[0] ^= constant;
    for (std::size_t i = 4; i < 16; ++i) next[i] = static_cast<std::uint8_t>(before[i] ^ next[i - 4]);
    rounds_[round] = std::bit_cast<AesBlock>(next);
    constant = doubled(constant);
  }
}

AesBlock AesKey::encrypt_slowly(AesBlock block) const {
  AesBlock state = plus(block, rounds_[0]);
  for (std::size_t round = 1; round < rounds_.size(); ++round) {
    Bytes16 bytes = substituted_and_shifted(std::bit_cast<Bytes16>(state));
    if (round != 10) mix_columns(bytes);
    state = plus(std::bit_cast<AesBlock>(bytes), rounds_[round]);
  }
  return state;
}

AesBlock AesKey::encrypt(AesBlock block) const {
#if defined(__x86_64__)
  if (kHasInstructions) [[likely]]
    return encrypt_by_instructions(rounds_, block[0], block[1]);
#endif
  return encrypt_slowly(block);
}

}  // namespace enid::srd
