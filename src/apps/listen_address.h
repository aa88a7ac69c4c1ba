// HOST:PORT of --listen.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace enid::apps {

struct ListenAddress {
  std::string host;  // A numeric IPv4 address.
  std::uint16_t port = 0;
  bool loopback = false;
};

// "127.0.0.1:4566", "localhost:4566", ":4566" and "4566" (loopback), "0.0.0.0:4566".
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace enid::apps
