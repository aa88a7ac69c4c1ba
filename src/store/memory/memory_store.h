// MemoryStore: a KeyValueStore that lives as long as its process, for tests and simulation.
//
//   Commits are done at once, or, with hold_commits(), when the test says so: that is the
//   time in which a real disk is busy. fail_next_commit() is a disk that says no.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "store/change_history.h"
#include "store/key_value_store.h"

namespace enid::store {

class MemoryStore final : public KeyValueStore {
 public:
  MemoryStore();
  ~MemoryStore() override;

  void commit(Transaction transaction, CommitDone done) override;
  Result<std::vector<Entry>> list(std::string_view prefix) override;
  Result<std::optional<Entry>> get(std::string_view key) override;
  Revision revision() const override { return revision_; }
  Result<std::unique_ptr<Watch>> watch(std::string prefix, Revision after, OnChange on_change) override;

  void hold_commits() { held_ = true; }
  // Ends the holding and carries out what waits, in order.
  void release_commits();
  void fail_next_commit(Error error) { next_failure_ = std::move(error); }

 private:
  struct Watcher;
  class MemoryWatch;
  struct Waiting {
    Transaction transaction;
    CommitDone done;
  };

  void carry_out(Waiting waiting);
  bool holds(const std::vector<Compare>& compares) const;

  std::map<std::string, Entry, std::less<>> entries_;
  Revision revision_ = 0;
  ChangeHistory history_;
  std::vector<std::weak_ptr<Watcher>> watchers_;
  bool held_ = false;
  std::deque<Waiting> waiting_;
  std::optional<Error> next_failure_;
};

}  // namespace enid::store
