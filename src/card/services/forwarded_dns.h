// A question of an instance on its way to the host's resolver.
#pragma once

#include <cstdint>
#include <vector>

namespace enid::card {

// `bytes` is a whole DNS message under an id of the card's own.
struct ForwardedDns {
  std::uint16_t id = 0;
  bool over_tcp = false;  // The instance asked over TCP: better ask the resolver over TCP, too.
  std::vector<std::uint8_t> bytes;
};

}  // namespace enid::card
