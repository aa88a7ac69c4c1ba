#include "api/idempotency_table.h"

namespace enid::api {
namespace {

bool expired(WallTime made_at, WallTime now) {
  return now.milliseconds_since_epoch - made_at.milliseconds_since_epoch >=
         IdempotencyTable::kLifetimeMilliseconds;
}

}  // namespace

const IdempotencyRecord* IdempotencyTable::find(const IdempotencyKey& key, WallTime now) const {
  const auto found = records_.find(key);
  return found == records_.end() || expired(found->second.made_at, now) ? nullptr : &found->second;
}

void IdempotencyTable::put(const IdempotencyKey& key, IdempotencyRecord record, WallTime now) {
  erase(key);
  while (!by_age_.empty() && (expired(by_age_.begin()->first, now) || records_.size() >= kRecordsMax))
    forget_oldest();
  by_age_.emplace(record.made_at, key);
  records_.emplace(key, std::move(record));
}

void IdempotencyTable::erase(const IdempotencyKey& key) {
  const auto found = records_.find(key);
  if (found == records_.end()) return;
  by_age_.erase({found->second.made_at, key});
  records_.erase(found);
}

void IdempotencyTable::forget_oldest() {
  const auto oldest = by_age_.begin();
  records_.erase(oldest->second);
  by_age_.erase(oldest);
}

}  // namespace enid::api
