// The contract of KeyValueStore, held against every implementation.
#include "store/key_value_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"

namespace enid::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A folder of its own for each test, gone with it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "enid-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file() const { return path_ / "state.db"; }

 private:
  std::filesystem::path path_;
};

CommitResult commit(KeyValueStore& store, Transaction transaction) {
  std::promise<Result<CommitResult>> done;
  store.commit(std::move(transaction),
               [&](Result<CommitResult> result) { done.set_value(std::move(result)); });
  return done.get_future().get().value();
}

Transaction put(std::string key, std::string value) { return {{}, {{std::move(key), std::move(value)}}}; }

std::vector<std::string> keys(KeyValueStore& store, std::string_view prefix) {
  std::vector<std::string> found;
  const Result<std::vector<Entry>> entries = store.list(prefix);
  for (const Entry& entry : entries.value()) found.push_back(entry.key);
  return found;
}

class StoreContract : public ::testing::TestWithParam<bool> {
 protected:
  StoreContract() {
    if (GetParam()) {
      store_ = SqliteStore::open(folder_.file()).value();
    } else {
      store_ = std::make_unique<MemoryStore>();
    }
  }
  Folder folder_;
  std::unique_ptr<KeyValueStore> store_;
};

TEST_P(StoreContract, gives_each_writing_transaction_the_next_revision) {
  EXPECT_EQ(store_->revision(), 0u);
  EXPECT_EQ(commit(*store_, put("a", "1")).revision, 1u);
  EXPECT_EQ(commit(*store_, put("b", "2")).revision, 2u);
  EXPECT_EQ(commit(*store_, {}).revision, 2u) << "nothing written, no revision";
  EXPECT_EQ(store_->get("b").value()->modified, 2u);
}

TEST_P(StoreContract, lists_by_prefix_in_key_order) {
  for (const char* key : {"b/2", "a/1", "b/10", "b", "c/1", "b/1"}) commit(*store_, put(key, "x"));
  EXPECT_THAT(keys(*store_, "b/"), ElementsAre("b/1", "b/10", "b/2"));
  EXPECT_THAT(keys(*store_, ""), ElementsAre("a/1", "b", "b/1", "b/10", "b/2", "c/1"));
  EXPECT_THAT(keys(*store_, "\xff"), IsEmpty());
}

TEST_P(StoreContract, refuses_the_whole_transaction_when_one_compare_fails) {
  commit(*store_, put("a", "1"));
  Transaction claim{{{"a", 1}, {"b", 0}}, {{"a", "2"}, {"b", "mine"}}};
  EXPECT_TRUE(commit(*store_, claim).committed);
  EXPECT_FALSE(commit(*store_, claim).committed) << "a has moved on, and b exists";
  EXPECT_EQ(store_->get("b").value()->value, "mine");
  EXPECT_EQ(store_->revision(), 2u);
}

TEST_P(StoreContract, deletes) {
  commit(*store_, put("a", "1"));
  commit(*store_, {{}, {{"a", std::nullopt}}});
  EXPECT_FALSE(store_->get("a").value());
  EXPECT_TRUE(commit(*store_, {{{"a", 0}}, {{"a", "again"}}}).committed) << "absent compares as zero";
}

TEST_P(StoreContract, keeps_bytes_as_they_are) {
  const std::string odd("\0 'quoted' \xe2\x82\xac \x01", 17);
  commit(*store_, put("odd", odd));
  EXPECT_EQ(store_->get("odd").value()->value, odd);
}

TEST_P(StoreContract, watches_from_a_revision_each_change_once_and_in_order) {
  commit(*store_, put("a/1", "x"));
  commit(*store_, put("a/2", "x"));
  commit(*store_, put("b/1", "x"));
  std::mutex mutex;
  std::vector<Revision> seen;
  auto watch = store_->watch("a/", 1, [&](const Change& change) {
    const std::lock_guard guard(mutex);
    seen.push_back(change.revision);
  });
  ASSERT_TRUE(watch);
  commit(*store_, put("a/3", "x"));
  commit(*store_, put("b/2", "x"));
  commit(*store_, {{}, {{"a/1", std::nullopt}}});
  watch->reset();  // Waits for a callback under way.
  commit(*store_, put("a/4", "x"));
  const std::lock_guard guard(mutex);
  ASSERT_GE(seen.size(), 2u);
  seen.resize(std::min<std::size_t>(seen.size(), 3));
  EXPECT_EQ(seen.front(), 2u);
  EXPECT_EQ(seen[1], 4u);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::Values(false, true),
                         [](const auto& param) { return param.param ? "sqlite" : "memory"; });

TEST(MemoryStore, holds_commits_like_a_busy_disk) {
  MemoryStore store;
  store.hold_commits();
  int done = 0;
  for (const char* key : {"a", "b"}) store.commit(put(key, "1"), [&](const auto&) { ++done; });
  EXPECT_EQ(done, 0);
  store.release_commits();
  EXPECT_EQ(done, 2);
  EXPECT_EQ(store.revision(), 2u);
}

TEST(SqliteStore, keeps_everything_across_a_restart) {
  const Folder folder;
  {
    auto store = SqliteStore::open(folder.file()).value();
    commit(*store, put("a", "1"));
    commit(*store, put("b", "2"));
  }
  auto store = SqliteStore::open(folder.file()).value();
  EXPECT_EQ(store->revision(), 2u);
  EXPECT_EQ(store->get("a").value()->value, "1");
  EXPECT_EQ(commit(*store, put("c", "3")).revision, 3u);
  EXPECT_FALSE(store->watch("", 1, [](const Change&) {})) << "history does not outlive the process";
}

TEST(SqliteStore, refuses_a_second_daemon_and_says_why) {
  const Folder folder;
  auto first = SqliteStore::open(folder.file()).value();
  const auto second = SqliteStore::open(folder.file());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, ::testing::HasSubstr("another enid uses this state"));
}

TEST(SqliteStore, is_readable_by_its_owner_alone) {
  const Folder folder;
  auto store = SqliteStore::open(folder.file()).value();
  commit(*store, put("a", "1"));
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(folder.file()).parent_path()))
    EXPECT_EQ(file.status().permissions() & std::filesystem::perms(0077), std::filesystem::perms::none)
        << file;
}

// The child commits pairs (n/x, n/y) in one transaction each and reports n once it is
// acknowledged; the parent kills it in the middle. Nothing acknowledged is lost, and no pair is half there.
TEST(SqliteStore, loses_nothing_acknowledged_and_shows_nothing_half_made_after_kill_9) {
  const Folder folder;
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = SqliteStore::open(folder.file()).value();
    for (std::uint32_t n = 0;; ++n) {
      const std::string name = std::to_string(n);
      store->commit({{}, {{name + "/x", "1"}, {name + "/y", "1"}}}, [&report, n](const auto& result) {
        if (result && ::write(report[1], &n, sizeof n) < 0) ::_exit(1);
      });
      if (n % 64 == 63) ::usleep(200);
    }
  }
  ::close(report[1]);
  std::vector<std::uint32_t> acknowledged;
  for (std::uint32_t n = 0; acknowledged.size() < 2000 && ::read(report[0], &n, sizeof n) == sizeof n;)
    acknowledged.push_back(n);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (std::uint32_t n = 0; ::read(report[0], &n, sizeof n) == sizeof n;) acknowledged.push_back(n);
  ::close(report[0]);

  ASSERT_GE(acknowledged.size(), 2000u);
  auto store = SqliteStore::open(folder.file()).value();
  for (const std::uint32_t n : acknowledged)
    ASSERT_TRUE(store->get(std::to_string(n) + "/x").value()) << n << " was acknowledged";
  const auto entries = store->list("").value();
  for (const Entry& entry : entries) {
    const std::string other =
        entry.key.substr(0, entry.key.size() - 1) + (entry.key.back() == 'x' ? 'y' : 'x');
    ASSERT_TRUE(store->get(other).value()) << entry.key << " stands alone";
  }
}

}  // namespace
}  // namespace enid::store
