// Single values in the store, for parts that may wait for the disk.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "store/key_value_store.h"

namespace enid::apps {

// Durable when it returns. Empty: the key is removed.
Result<void> put(store::KeyValueStore& store, const std::string& key, std::optional<std::string> value);

using Secret = std::array<std::uint8_t, 32>;
// The secret under this key; made the first time, so that it lives as long as the state.
Result<Secret> kept_secret(store::KeyValueStore& store, const std::string& key);

}  // namespace enid::apps
