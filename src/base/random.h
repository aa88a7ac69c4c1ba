// Random: chance as an argument. One generator, seeded once in apps/ or in a test; the same
// seed gives the same run. The algorithm is xoshiro256** (Blackman and Vigna, 2018), seeded
// through splitmix64. Not for secrets: keys and tokens come from host/secure_random.
#pragma once

#include <array>
#include <cstdint>

namespace enid {

class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t next();
  // Uniform in [0, bound). `bound` must be greater than zero.
  std::uint64_t below(std::uint64_t bound);

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace enid
