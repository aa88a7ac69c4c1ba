#include "apps/stored_values.h"

#include <cstring>
#include <future>
#include <utility>

#include "host/secure_random.h"

namespace enid::apps {

Result<void> put(store::KeyValueStore& store, const std::string& key, std::optional<std::string> value) {
  std::promise<Result<store::CommitResult>> done;
  store.commit({.compares = {}, .writes = {{key, std::move(value)}}},
               [&](Result<store::CommitResult> result) { done.set_value(std::move(result)); });
  TRY(done.get_future().get());
  return {};
}

Result<Secret> kept_secret(store::KeyValueStore& store, const std::string& key) {
  Secret secret{};
  const std::optional<store::Entry> kept = TRY(store.get(key));
  if (kept && kept->value.size() == secret.size()) {
    std::memcpy(secret.data(), kept->value.data(), secret.size());
    return secret;
  }
  host::fill_with_secure_random(secret);
  TRY(put(store, key, std::string(secret.begin(), secret.end())));
  return secret;
}

}  // namespace enid::apps
