#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "store/change_history.h"
#include "store/sqlite/sqlite_connection.h"

namespace enid::store {
namespace {

constexpr std::int64_t kSchemaVersion = 1;
constexpr std::size_t kHistoryLimit = 10'000;
// Chosen: bounds how long one group holds the disk, and so how long its first caller waits.
constexpr std::size_t kGroupLimit = 512;

constexpr const char* kPragmas =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=2000; PRAGMA "
    "wal_autocheckpoint=4000;";
constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, modified INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;";

// The lock that keeps a second daemon out. flock, not SQLite's own lock, because it also
// covers the time before the first write, and ends with the process however that ends.
class StateLock {
 public:
  static Result<StateLock> take(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return errno_failure("open " + path);
    StateLock lock(file);
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
    return failure(
        std::make_error_code(std::errc::device_or_resource_busy),
        "another enid uses this state (" + path + " is locked): stop it, or choose another --state");
  }

  StateLock(StateLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  StateLock& operator=(StateLock&&) = delete;
  ~StateLock() {
    if (file_ >= 0) ::close(file_);
  }

 private:
  explicit StateLock(int file) : file_(file) {}
  int file_;
};

// The first key behind all keys that begin with `prefix`; empty when there is none.
std::string end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
  return end;
}

Entry entry_of(const SqliteStatement& row) {
  return {std::string(row.text(0)), std::string(row.text(1)), static_cast<Revision>(row.number(2))};
}

Result<std::int64_t> read_meta(SqliteConnection& connection, std::string_view name, std::int64_t otherwise) {
  SqliteStatement query = TRY(connection.prepare("SELECT number FROM meta WHERE name = ?1"));
  query.bind(1, name);
  return TRY(query.step()) ? query.number(0) : otherwise;
}

// The statements of the writing connection, prepared once.
struct Writer {
  SqliteConnection connection;
  SqliteStatement put, erase, modified, put_meta;

  static Result<Writer> create(SqliteConnection connection) {
    Writer writer{std::move(connection), {}, {}, {}, {}};
    writer.put = TRY(writer.connection.prepare(
        "INSERT INTO entry VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET value = ?2, modified = ?3"));
    writer.erase = TRY(writer.connection.prepare("DELETE FROM entry WHERE key = ?1"));
    writer.modified = TRY(writer.connection.prepare("SELECT modified FROM entry WHERE key = ?1"));
    writer.put_meta = TRY(writer.connection.prepare(
        "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET number = ?2"));
    return writer;
  }

  Result<bool> holds(const Compare& compare) {
    modified.reset();
    modified.bind(1, compare.key);
    const std::int64_t found = TRY(modified.step()) ? modified.number(0) : 0;
    return static_cast<Revision>(found) == compare.modified;
  }

  Result<bool> holds(const std::vector<Compare>& compares) {
    for (const Compare& compare : compares)
      if (!TRY(holds(compare))) return false;
    return true;
  }

  Result<void> write(const Write& change, Revision revision) {
    SqliteStatement& statement = change.value ? put : erase;
    statement.reset();
    statement.bind(1, change.key);
    if (change.value) {
      statement.bind(2, *change.value);
      statement.bind(3, static_cast<std::int64_t>(revision));
    }
    TRY(statement.step());
    return {};
  }

  Result<void> write_meta(std::string_view name, std::int64_t number) {
    put_meta.reset();
    put_meta.bind(1, name);
    put_meta.bind(2, number);
    TRY(put_meta.step());
    put_meta.reset();
    return {};
  }

  // Ends statements in mid-row, so that the transaction can end.
  void reset_all() {
    for (SqliteStatement* statement : {&put, &erase, &modified, &put_meta}) statement->reset();
  }
};

struct Waiting {
  Transaction transaction;
  KeyValueStore::CommitDone done;
};

}  // namespace

struct SqliteStore::State {
  struct Watcher {
    std::string prefix;
    OnChange on_change;
    std::mutex calling;  // Held during the callback; the watch's end waits for it.
    bool ended = false;
  };
  class SqliteWatch;

  State(StateLock state_lock, Writer state_writer, SqliteConnection state_reader, Revision last)
      : lock(std::move(state_lock)),
        writer(std::move(state_writer)),
        reader(std::move(state_reader)),
        revision(last),
        history(kHistoryLimit, last) {}

  StateLock lock;
  Writer writer;  // The writer thread's alone, after open().

  std::mutex reading;
  SqliteConnection reader;

  std::atomic<Revision> revision;

  std::mutex mutex;  // Guards what follows.
  std::condition_variable wake;
  std::vector<Waiting> queue;
  bool stopping = false;

  std::mutex watching;  // Guards history and watchers; a watcher never misses or repeats a change.
  ChangeHistory history;
  std::vector<std::shared_ptr<Watcher>> watchers;

  std::optional<Error> broken;  // The writer thread's alone. See invariant (2).
  std::thread thread;

  void run();
  void carry_out(std::vector<Waiting> group);
  Result<std::vector<CommitResult>> write_group(std::vector<Waiting>& group);
  void show(std::vector<Change> changes);
};

class SqliteStore::State::SqliteWatch final : public Watch {
 public:
  SqliteWatch(State& state, std::shared_ptr<Watcher> watcher) : state_(state), watcher_(std::move(watcher)) {}
  ~SqliteWatch() override {
    {
      const std::lock_guard guard(state_.watching);
      std::erase(state_.watchers, watcher_);
    }
    const std::lock_guard guard(watcher_->calling);
    watcher_->ended = true;
  }

 private:
  State& state_;
  std::shared_ptr<Watcher> watcher_;
};

void SqliteStore::State::run() {
  std::unique_lock guard(mutex);
  while (true) {
    wake.wait(guard, [this] { return stopping || !queue.empty(); });
    if (queue.empty()) return;
    std::vector<Waiting> group;
    if (queue.size() <= kGroupLimit) {
      group.swap(queue);
    } else {
      const auto end = queue.begin() + kGroupLimit;
      group.assign(std::make_move_iterator(queue.begin()), std::make_move_iterator(end));
      queue.erase(queue.begin(), end);
    }
    guard.unlock();
    carry_out(std::move(group));
    guard.lock();
  }
}

Result<std::vector<CommitResult>> SqliteStore::State::write_group(std::vector<Waiting>& group) {
  std::vector<CommitResult> results;
  Revision next = revision.load();
  TRY(writer.connection.execute("BEGIN IMMEDIATE"));
  for (const Waiting& waiting : group) {
    const bool holds = TRY(writer.holds(waiting.transaction.compares));
    if (holds && !waiting.transaction.writes.empty()) {
      ++next;
      for (const Write& write : waiting.transaction.writes) TRY(writer.write(write, next));
    }
    results.push_back({holds, next});
  }
  if (next != revision.load()) TRY(writer.write_meta("revision", static_cast<std::int64_t>(next)));
  writer.reset_all();
  TRY(writer.connection.execute("COMMIT"));
  return results;
}

void SqliteStore::State::carry_out(std::vector<Waiting> group) {
  Result<std::vector<CommitResult>> results =
      broken ? Result<std::vector<CommitResult>>(std::unexpected(*broken)) : write_group(group);
  if (!results) {
    if (!broken) {
      broken = results.error();
      writer.reset_all();
      (void)writer.connection.execute("ROLLBACK");
    }
    for (Waiting& waiting : group) waiting.done(std::unexpected(*broken));
    return;
  }
  std::vector<Change> changes;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const CommitResult& result = (*results)[i];
    if (result.committed && !group[i].transaction.writes.empty())
      changes.push_back({result.revision, std::move(group[i].transaction.writes)});
  }
  if (!changes.empty()) revision.store(changes.back().revision);
  for (std::size_t i = 0; i < group.size(); ++i) group[i].done((*results)[i]);
  show(std::move(changes));
}

void SqliteStore::State::show(std::vector<Change> changes) {
  std::vector<std::shared_ptr<Watcher>> current;
  {
    const std::lock_guard guard(watching);
    for (const Change& change : changes) history.add(change);
    current = watchers;
  }
  for (const auto& watcher : current) {
    const std::lock_guard guard(watcher->calling);
    for (const Change& change : changes) {
      const Change part = visible_part(change, watcher->prefix);
      if (!watcher->ended && !part.writes.empty()) watcher->on_change(part);
    }
  }
}

SqliteStore::SqliteStore(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

SqliteStore::~SqliteStore() {
  {
    const std::lock_guard guard(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_one();
  state_->thread.join();
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path) {
  StateLock lock = TRY(StateLock::take(path + ".lock"));
  const ::mode_t old_mask = ::umask(0077);  // The file, its WAL and its shared memory: 0600.
  Result<SqliteConnection> opened = SqliteConnection::open(path, false);
  Result<void> prepared = opened ? opened->execute(kPragmas) : Result<void>();
  if (opened && prepared) prepared = opened->execute(kSchema);
  ::umask(old_mask);
  SqliteConnection connection = TRY(std::move(opened));
  TRY(std::move(prepared));

  const std::int64_t version = TRY(read_meta(connection, "schema", kSchemaVersion));
  if (version != kSchemaVersion)
    return failure(std::make_error_code(std::errc::not_supported),
                   path + " was written by another version of enid (schema " + std::to_string(version) +
                       ", this one reads " + std::to_string(kSchemaVersion) + ")");
  const std::int64_t revision = TRY(read_meta(connection, "revision", 0));
  Writer writer = TRY(Writer::create(std::move(connection)));
  TRY(writer.write_meta("schema", kSchemaVersion));
  SqliteConnection reader = TRY(SqliteConnection::open(path, true));
  TRY(reader.execute("PRAGMA busy_timeout=2000"));
  auto state = std::make_unique<State>(std::move(lock), std::move(writer), std::move(reader),
                                       static_cast<Revision>(revision));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(state)));
}

void SqliteStore::commit(Transaction transaction, CommitDone done) {
  {
    const std::lock_guard guard(state_->mutex);
    CHECK(!state_->stopping);
    state_->queue.push_back({std::move(transaction), std::move(done)});
  }
  state_->wake.notify_one();
}

Result<std::vector<Entry>> SqliteStore::list(std::string_view prefix) {
  const std::lock_guard guard(state_->reading);
  const std::string end = end_of_prefix(prefix);
  SqliteStatement query = TRY(state_->reader.prepare(
      end.empty() ? "SELECT key, value, modified FROM entry WHERE key >= ?1 ORDER BY key"
                  : "SELECT key, value, modified FROM entry WHERE key >= ?1 AND key < ?2 ORDER BY key"));
  query.bind(1, prefix);
  if (!end.empty()) query.bind(2, end);
  std::vector<Entry> entries;
  while (TRY(query.step())) entries.push_back(entry_of(query));
  return entries;
}

Result<std::optional<Entry>> SqliteStore::get(std::string_view key) {
  const std::lock_guard guard(state_->reading);
  SqliteStatement query =
      TRY(state_->reader.prepare("SELECT key, value, modified FROM entry WHERE key = ?1"));
  query.bind(1, key);
  if (!TRY(query.step())) return std::optional<Entry>();
  return std::optional(entry_of(query));
}

Revision SqliteStore::revision() const { return state_->revision.load(); }

Result<std::unique_ptr<Watch>> SqliteStore::watch(std::string prefix, Revision after, OnChange on_change) {
  const auto watcher = std::make_shared<State::Watcher>();
  watcher->prefix = std::move(prefix);
  watcher->on_change = std::move(on_change);
  // Held through the history, so that the writer thread cannot show a later change first.
  const std::lock_guard calling(watcher->calling);
  std::vector<Change> past;
  {
    const std::lock_guard guard(state_->watching);
    if (!state_->history.covers(after))
      return failure(std::make_error_code(std::errc::result_out_of_range),
                     "the watch begins before the kept history");
    state_->history.each_after(after, [&](const Change& change) { past.push_back(change); });
    state_->watchers.push_back(watcher);
  }
  for (const Change& change : past) {
    const Change part = visible_part(change, watcher->prefix);
    if (!part.writes.empty()) watcher->on_change(part);
  }
  return std::make_unique<State::SqliteWatch>(*state_, watcher);
}

}  // namespace enid::store
