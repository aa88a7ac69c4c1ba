#include "host/secure_random.h"

#include <sys/random.h>

#include <cerrno>

#include "base/check.h"

namespace enid::host {

void fill_with_secure_random(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    CHECK(got > 0);  // There is no safe way on without.
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace enid::host
