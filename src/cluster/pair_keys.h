// The keys by which two cards know each other's datagrams.
#pragma once

#include <array>
#include <cstdint>

#include "base/resource_id.h"
#include "contract/card_program.h"

namespace enid::cluster {

using PairSecret = std::array<std::uint8_t, 32>;  // The control plane's alone.

// The key of two hosts, whoever is named first: HMAC-SHA-256 of both names. No two pairs have the same, and a
// card that is told its own keys learns nothing of others.
contract::PairKey pair_key(const PairSecret& secret, const HostId& one, const HostId& other);

}  // namespace enid::cluster
