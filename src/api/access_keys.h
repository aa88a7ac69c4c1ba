// AccessKeys: the access keys that callers sign with.
//
// Theory of operation
//   Keys are read on the listener's thread for every call and change rarely, so readers take an
//   immutable snapshot; a change makes a new one. Whether a change may be made is decided by a
//   second snapshot, which has what is still on its way to the disk. Keys are stored as they are,
//   because SigV4 needs the secret itself; the state folder is the operator's alone (mode 0700).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/key_value_store.h"

namespace enid::api {

struct AccessKey {
  std::string id;      // "AKIA" and 16 letters and digits.
  std::string secret;  // 40 characters.
  WallTime created;
};

class AccessKeys {
 public:
  // What one key is made of. Whoever can guess it can sign: it must come from the system
  // (host/secure_random.h), not from a generator that can be repeated.
  using Entropy = std::array<std::uint8_t, 56>;
  using Done = std::function<void(Result<AccessKey>)>;

  // Reads the keys that the store holds.
  static Result<std::unique_ptr<AccessKeys>> load(store::KeyValueStore& store);

  // Any thread.
  std::optional<std::string> secret_of(std::string_view id) const;
  std::vector<AccessKey> list() const;  // Oldest first.

  // One thread at a time. `done` is called when the change is durable, on the store's thread.
  void create(const Entropy& entropy, WallTime now, Done done);
  // Refused when the key's form is wrong or when its id is taken.
  void import(std::string id, std::string secret, WallTime now, Done done);
  void remove(const std::string& id, Done done);

 private:
  using Snapshot = std::map<std::string, AccessKey, std::less<>>;

  explicit AccessKeys(store::KeyValueStore& store) : store_(store) {}
  void add(AccessKey key, Done done);

  store::KeyValueStore& store_;
  using Shared = std::atomic<std::shared_ptr<const Snapshot>>;
  Shared keys_ = std::make_shared<const Snapshot>();    // Durable.
  Shared queued_ = std::make_shared<const Snapshot>();  // Durable soon, unless the store fails.
};

}  // namespace enid::api
