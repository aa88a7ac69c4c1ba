// SqliteStore: a KeyValueStore in one file, for one machine.
//
// Theory of operation
//   One writer thread owns the writing connection. Transactions queue; the writer takes all
//   that wait, gives each its own revision and its own savepoint, and commits them with one
//   write to disk (group commit). While the disk is busy, the next group gathers. Callbacks
//   run on the writer thread, in order of revision, after the commit.
//   Readers use a second connection under a lock; WAL lets them read while the writer writes.
//
// Invariants
//   (1) The file is locked for as long as the object lives: a second daemon on the same state
//       is refused.
//   (2) After a commit that failed, nothing is acknowledged any more: the disk's state is
//       unknown, and every later commit answers the same error. A restart reads what is there.
//
// Sources: sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous (FULL syncs the WAL
// at every commit), sqlite.org/lockingv3.html.
#pragma once

#include <memory>
#include <string>

#include "store/key_value_store.h"

namespace enid::store {

class SqliteStore final : public KeyValueStore {
 public:
  // Opens or creates `path` (mode 0600). Errors say what to do: another daemon holds the
  // file, the folder cannot be written, the schema is of a newer version.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path);
  // Commits what waits, then closes.
  ~SqliteStore() override;

  void commit(Transaction transaction, CommitDone done) override;
  Result<std::vector<Entry>> list(std::string_view prefix) override;
  Result<std::optional<Entry>> get(std::string_view key) override;
  Revision revision() const override;
  Result<std::unique_ptr<Watch>> watch(std::string prefix, Revision after, OnChange on_change) override;

 private:
  struct State;
  explicit SqliteStore(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace enid::store
