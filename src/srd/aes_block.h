// One block of AES-128, as a keyed function of 16 bytes: by the processor's instructions where it has them,
// else slowly, with the same result. Documented: FIPS 197.
//
// The slow way looks up secret bytes in a table, so its time tells others on the same processor something.
#pragma once

#include <array>
#include <cstdint>

namespace enid::srd {

// Little end first, as the bytes of FIPS 197 lie in memory.
using AesBlock = std::array<std::uint64_t, 2>;

class AesKey {
 public:
  AesKey() = default;
  explicit AesKey(const AesBlock& key);

  // By value: two registers, where memory would be written in halves and read as a whole, which stalls.
  AesBlock encrypt(AesBlock block) const;
  // Whatever the processor has; for tests.
  AesBlock encrypt_slowly(AesBlock block) const;

 private:
  alignas(16) std::array<AesBlock, 11> rounds_{};
};

}  // namespace enid::srd
