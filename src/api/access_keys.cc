#include "api/access_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <tuple>

namespace enid::api {
namespace {

constexpr std::string_view kFolder = "access-keys/";
constexpr std::string_view kIdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kSecretAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::size_t kIdLetters = 16;
constexpr std::size_t kSecretLetters = 40;
static_assert(kIdLetters + kSecretLetters == std::tuple_size_v<AccessKeys::Entropy>);

// A letter for each byte. Alphabets are powers of two long, so that no letter is likelier.
std::string spell(std::span<const std::uint8_t> bytes, std::string_view alphabet) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += alphabet[byte % alphabet.size()];
  return text;
}

// Documented: IAM API Reference, AccessKey: ids are 16 to 128 word characters. Chosen: 4 are
// enough, because people's tools make up ids like "test".
bool is_id(std::string_view id) {
  return id.size() >= 4 && id.size() <= 128 && std::ranges::all_of(id, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

bool is_secret(std::string_view secret) {
  return secret.size() >= 4 && secret.size() <= 128 &&
         std::ranges::all_of(secret, [](char c) { return c > ' ' && c < 127; });
}

std::unexpected<Error> refuse(std::string message) {
  return failure(std::make_error_code(std::errc::invalid_argument), std::move(message));
}

// Any thread may change the snapshot at the same time.
template <class Snapshot>
void insert(std::atomic<std::shared_ptr<const Snapshot>>& shared, const AccessKey& key) {
  auto before = shared.load();
  std::shared_ptr<Snapshot> next;
  do {
    next = std::make_shared<Snapshot>(*before);
    (*next)[key.id] = key;
  } while (!shared.compare_exchange_weak(before, next));
}

template <class Snapshot>
void erase(std::atomic<std::shared_ptr<const Snapshot>>& shared, const std::string& id) {
  auto before = shared.load();
  std::shared_ptr<Snapshot> next;
  do {
    next = std::make_shared<Snapshot>(*before);
    next->erase(id);
  } while (!shared.compare_exchange_weak(before, next));
}

std::optional<AccessKey> parse(std::string id, std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto secret = json.find("secret");
  const auto created = json.find("created");
  if (secret == json.end() || !secret->is_string() || created == json.end() || !created->is_number_integer())
    return std::nullopt;
  return AccessKey{std::move(id), secret->get<std::string>(), {created->get<std::int64_t>()}};
}

}  // namespace

Result<std::unique_ptr<AccessKeys>> AccessKeys::load(store::KeyValueStore& store) {
  auto keys = std::unique_ptr<AccessKeys>(new AccessKeys(store));
  Snapshot snapshot;
  const std::vector<store::Entry> entries = TRY(store.list(kFolder));
  for (const store::Entry& entry : entries) {
    auto key = parse(entry.key.substr(kFolder.size()), entry.value);
    if (!key)
      return failure(std::make_error_code(std::errc::bad_message),
                     "cannot read " + entry.key + " in the store");
    std::string id = key->id;
    snapshot.emplace(std::move(id), *std::move(key));
  }
  keys->keys_ = std::make_shared<const Snapshot>(std::move(snapshot));
  keys->queued_ = keys->keys_.load();
  return keys;
}

std::optional<std::string> AccessKeys::secret_of(std::string_view id) const {
  const auto snapshot = keys_.load();
  const auto found = snapshot->find(id);
  return found == snapshot->end() ? std::nullopt : std::optional(found->second.secret);
}

std::vector<AccessKey> AccessKeys::list() const {
  std::vector<AccessKey> keys;
  const auto snapshot = keys_.load();
  for (const auto& [id, key] : *snapshot) keys.push_back(key);
  std::ranges::sort(keys, {}, [](const AccessKey& key) { return std::pair(key.created, key.id); });
  return keys;
}

void AccessKeys::create(const Entropy& entropy, WallTime now, Done done) {
  const std::span<const std::uint8_t> bytes(entropy);
  add({"AKIA" + spell(bytes.first(kIdLetters), kIdAlphabet),
       spell(bytes.subspan(kIdLetters), kSecretAlphabet), now},
      std::move(done));
}

void AccessKeys::import(std::string id, std::string secret, WallTime now, Done done) {
  if (!is_id(id)) return done(refuse("an access key id is 4 to 128 letters, digits and underscores"));
  if (!is_secret(secret))
    return done(refuse("a secret access key is 4 to 128 printable characters without blanks"));
  if (queued_.load()->contains(id)) return done(refuse(fmt::format("there is a key {} already", id)));
  add({std::move(id), std::move(secret), now}, std::move(done));
}

void AccessKeys::remove(const std::string& id, Done done) {
  const auto now = queued_.load();
  const auto found = now->find(id);
  if (found == now->end()) return done(refuse(fmt::format("there is no key {}", id)));
  if (now->size() == 1) return done(refuse("this is the last key; create another one first"));
  erase(queued_, id);
  store_.commit({.compares = {}, .writes = {{std::string(kFolder) + id, std::nullopt}}},
                [this, key = found->second, done = std::move(done)](Result<store::CommitResult> result) {
                  if (!result) {
                    insert(queued_, key);
                    return done(std::unexpected(result.error()));
                  }
                  erase(keys_, key.id);
                  done(key);
                });
}

void AccessKeys::add(AccessKey key, Done done) {
  insert(queued_, key);
  const nlohmann::json json = {{"secret", key.secret}, {"created", key.created.milliseconds_since_epoch}};
  store::Transaction transaction{.compares = {}, .writes = {{std::string(kFolder) + key.id, json.dump()}}};
  store_.commit(std::move(transaction),
                [this, key = std::move(key), done = std::move(done)](Result<store::CommitResult> result) {
                  if (!result) {
                    erase(queued_, key.id);
                    return done(std::unexpected(result.error()));
                  }
                  insert(keys_, key);
                  done(key);
                });
}

}  // namespace enid::api
