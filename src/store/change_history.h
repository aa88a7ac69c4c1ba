// ChangeHistory: the last changes of a store, for watchers that begin in the past.
//
// Invariants
//   (1) Changes are kept in order of revision, without holes, up to `limit` of them.
//   (2) covers(after) is true when every change later than `after` is still kept.
#pragma once

#include <cstddef>
#include <deque>
#include <string_view>

#include "store/key_value_store.h"

namespace enid::store {

class ChangeHistory {
 public:
  // `first` is the revision before the first change that will be added.
  ChangeHistory(std::size_t limit, Revision first) : limit_(limit), before_oldest_(first) {}

  void add(Change change) {
    changes_.push_back(std::move(change));
    if (changes_.size() <= limit_) return;
    before_oldest_ = changes_.front().revision;
    changes_.pop_front();
  }

  bool covers(Revision after) const { return after >= before_oldest_; }

  template <class Visit>
  void each_after(Revision after, Visit visit) const {
    for (const Change& change : changes_)
      if (change.revision > after) visit(change);
  }

 private:
  std::size_t limit_;
  Revision before_oldest_;
  std::deque<Change> changes_;
};

// The part of `change` that a watcher of `prefix` sees; no writes when it sees nothing.
inline Change visible_part(const Change& change, std::string_view prefix) {
  Change part{.revision = change.revision, .writes = {}};
  for (const Write& write : change.writes)
    if (write.key.starts_with(prefix)) part.writes.push_back(write);
  return part;
}

}  // namespace enid::store
