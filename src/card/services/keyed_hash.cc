#include "card/services/keyed_hash.h"

#include <openssl/hmac.h>

#include "base/check.h"

namespace enid::card {

std::uint64_t keyed_hash(const ServiceSecret& key, ConstBytes message) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash;
  unsigned length = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
             hash.data(), &length) != nullptr);
  return std::uint64_t{load_be32(hash.data())} << 32 | load_be32(hash.data() + 4);
}

}  // namespace enid::card
