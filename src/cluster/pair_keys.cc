#include "cluster/pair_keys.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"

namespace enid::cluster {

contract::PairKey pair_key(const PairSecret& secret, const HostId& one, const HostId& other) {
  const auto& [first, second] = std::minmax(one, other);
  // Names of hosts have no such byte, so no two pairs make one text.
  const std::string text = first.text() + '\0' + second.text();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int bytes = 0;
  CHECK(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
             &bytes) != nullptr);
  contract::PairKey key{};
  static_assert(sizeof key <= 32);
  std::memcpy(key.data(), digest.data(), sizeof key);
  return key;
}

}  // namespace enid::cluster
