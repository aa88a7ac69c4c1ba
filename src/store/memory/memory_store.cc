#include "store/memory/memory_store.h"

#include <algorithm>

namespace enid::store {
namespace {

constexpr std::size_t kHistoryLimit = 10'000;

}  // namespace

struct MemoryStore::Watcher {
  std::string prefix;
  OnChange on_change;

  void show(const Change& change) const {
    const Change part = visible_part(change, prefix);
    if (!part.writes.empty()) on_change(part);
  }
};

class MemoryStore::MemoryWatch final : public Watch {
 public:
  explicit MemoryWatch(std::shared_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {}

 private:
  std::shared_ptr<Watcher> watcher_;  // The store holds it weakly: it ends with this object.
};

MemoryStore::MemoryStore() : history_(kHistoryLimit, 0) {}
MemoryStore::~MemoryStore() = default;

void MemoryStore::commit(Transaction transaction, CommitDone done) {
  Waiting waiting{std::move(transaction), std::move(done)};
  if (held_) {
    waiting_.push_back(std::move(waiting));
  } else {
    carry_out(std::move(waiting));
  }
}

void MemoryStore::release_commits() {
  held_ = false;
  while (!waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    carry_out(std::move(next));
  }
}

bool MemoryStore::holds(const std::vector<Compare>& compares) const {
  return std::ranges::all_of(compares, [this](const Compare& compare) {
    const auto found = entries_.find(compare.key);
    return (found == entries_.end() ? 0 : found->second.modified) == compare.modified;
  });
}

void MemoryStore::carry_out(Waiting waiting) {
  if (next_failure_) {
    const Error error = *std::exchange(next_failure_, std::nullopt);
    return waiting.done(std::unexpected(error));
  }
  if (!holds(waiting.transaction.compares)) return waiting.done(CommitResult{false, revision_});
  if (waiting.transaction.writes.empty()) return waiting.done(CommitResult{true, revision_});
  ++revision_;
  for (const Write& write : waiting.transaction.writes) {
    if (write.value) {
      entries_[write.key] = Entry{write.key, *write.value, revision_};
    } else {
      entries_.erase(write.key);
    }
  }
  const Change change{revision_, std::move(waiting.transaction.writes)};
  history_.add(change);
  waiting.done(CommitResult{true, revision_});
  std::erase_if(watchers_, [](const auto& watcher) { return watcher.expired(); });
  for (const auto& weak : std::vector(watchers_))
    if (const auto watcher = weak.lock()) watcher->show(change);
}

Result<std::vector<Entry>> MemoryStore::list(std::string_view prefix) {
  std::vector<Entry> found;
  for (auto it = entries_.lower_bound(prefix); it != entries_.end() && it->first.starts_with(prefix); ++it)
    found.push_back(it->second);
  return found;
}

Result<std::optional<Entry>> MemoryStore::get(std::string_view key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::optional<Entry>();
  return std::optional(found->second);
}

Result<std::unique_ptr<Watch>> MemoryStore::watch(std::string prefix, Revision after, OnChange on_change) {
  if (!history_.covers(after))
    return failure(std::make_error_code(std::errc::result_out_of_range),
                   "the watch begins before the kept history");
  const auto watcher = std::make_shared<Watcher>(std::move(prefix), std::move(on_change));
  history_.each_after(after, [&](const Change& change) { watcher->show(change); });
  watchers_.push_back(watcher);
  return std::make_unique<MemoryWatch>(watcher);
}

}  // namespace enid::store
