// KeyValueStore: revisioned keys, transactions with compare, watch from a revision. The
// shape is etcd's, so that one machine (store/sqlite) and a cluster (store/etcd) differ only
// behind this interface.
//
// Invariants
//   (1) Every committed transaction that writes has its own revision, one more than the last.
//   (2) `done` of commit() is called in order of revision, and only after the transaction is
//       durable: it survives kill -9 of the process and loss of power.
//   (3) A transaction is all or nothing, also to a reader and to a watcher.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace enid::store {

using Revision = std::uint64_t;  // Zero: before the first commit.

struct Entry {
  std::string key;
  std::string value;
  Revision modified = 0;  // The revision that wrote this value.
};

// The transaction commits only if the key's last write is `modified` (zero: the key is absent).
struct Compare {
  std::string key;
  Revision modified = 0;
};

struct Write {
  std::string key;
  std::optional<std::string> value;  // Empty: delete.
};

struct Transaction {
  std::vector<Compare> compares;
  std::vector<Write> writes;
};

struct CommitResult {
  bool committed = false;  // False: a compare failed; nothing was written.
  Revision revision = 0;   // Of this commit; when refused, the store's current one.
};

struct Change {
  Revision revision = 0;
  std::vector<Write> writes;
};

// Ends its watch when destroyed; the callback is not called after that.
class Watch {
 public:
  virtual ~Watch() = default;
};

class KeyValueStore {
 public:
  using CommitDone = std::function<void(Result<CommitResult>)>;
  using OnChange = std::function<void(const Change&)>;

  virtual ~KeyValueStore() = default;

  // Queues the transaction; many that wait share one write to disk (group commit).
  virtual void commit(Transaction transaction, CommitDone done) = 0;
  // All entries whose key begins with `prefix`, in key order, at one revision.
  virtual Result<std::vector<Entry>> list(std::string_view prefix) = 0;
  virtual Result<std::optional<Entry>> get(std::string_view key) = 0;
  virtual Revision revision() const = 0;
  // Every change to keys under `prefix` with a revision greater than `after`, each once, in
  // order, then those to come. Refused when `after` is older than the kept history.
  virtual Result<std::unique_ptr<Watch>> watch(std::string prefix, Revision after, OnChange on_change) = 0;
};

}  // namespace enid::store
