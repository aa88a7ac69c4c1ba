// IdempotencyTable: what a client token has already brought about.
//
// Theory of operation
//   A request that carries a ClientToken is done once: the same token with the same parameters
//   gets the same result again, with other parameters a refusal. Tokens count within a Region and
//   an operation, for 24 hours. The table keeps encoded results, so that it need not know any
//   operation, and can be stored and restored as it is.
//
// Invariants
//   (1) At most kRecordsMax records; the oldest goes first.
//   (2) find() gives no record that has expired at `now`.
//
//   Documented: "Ensuring idempotency in Amazon EC2 API requests".
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/time.h"

namespace enid::api {

struct IdempotencyKey {
  std::string region;
  std::string operation;
  std::string token;

  auto operator<=>(const IdempotencyKey&) const = default;
};

struct IdempotencyRecord {
  std::uint64_t parameter_hash = 0;
  std::string result;  // protocol::encode_result's.
  WallTime made_at;
};

class IdempotencyTable {
 public:
  static constexpr std::size_t kRecordsMax = 10'000;
  static constexpr std::int64_t kLifetimeMilliseconds = std::int64_t{24} * 3600 * 1000;

  const IdempotencyRecord* find(const IdempotencyKey& key, WallTime now) const;
  // Forgets what has expired, and takes the record; also how a stored table is restored.
  void put(const IdempotencyKey& key, IdempotencyRecord record, WallTime now);
  // For a call that was taken back after it had answered.
  void erase(const IdempotencyKey& key);

  const std::map<IdempotencyKey, IdempotencyRecord>& records() const { return records_; }

 private:
  void forget_oldest();

  std::map<IdempotencyKey, IdempotencyRecord> records_;
  std::set<std::pair<WallTime, IdempotencyKey>> by_age_;
};

}  // namespace enid::api
