#include "api/access_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "store/memory/memory_store.h"

namespace enid::api {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

constexpr WallTime kNow{1'795'253'400'000};

class AccessKeysTest : public ::testing::Test {
 protected:
  AccessKeysTest() { restart(); }
  void restart() {
    auto loaded = AccessKeys::load(store_);
    ASSERT_TRUE(loaded);
    keys_ = std::move(*loaded);
  }
  AccessKeys::Entropy entropy() {
    AccessKeys::Entropy bytes;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_.below(256));
    return bytes;
  }
  // What `done` was told.
  AccessKeys::Done remember() {
    return [this](Result<AccessKey> result) {
      ++answers_;
      answer_ = std::move(result);
    };
  }
  AccessKey create(WallTime now = kNow) {
    keys_->create(entropy(), now, remember());
    EXPECT_TRUE(answer_);
    return answer_.value_or(AccessKey{});
  }
  std::string import_refusal(const std::string& id, const std::string& secret) {
    keys_->import(id, secret, kNow, remember());
    return answer_ ? "" : answer_.error().message;
  }

  store::MemoryStore store_;
  Random random_{7};
  std::unique_ptr<AccessKeys> keys_;
  Result<AccessKey> answer_;
  int answers_ = 0;
};

TEST_F(AccessKeysTest, a_key_looks_like_awss_and_is_known_at_once) {
  const AccessKey key = create();
  EXPECT_THAT(key.id, MatchesRegex("AKIA[A-Z2-7]{16}"));
  EXPECT_THAT(key.secret, MatchesRegex("[A-Za-z0-9+/]{40}"));
  EXPECT_EQ(keys_->secret_of(key.id), key.secret);
  EXPECT_EQ(keys_->secret_of("AKIASOMETHINGELSE"), std::nullopt);
  EXPECT_EQ(keys_->secret_of(""), std::nullopt);
}

TEST_F(AccessKeysTest, keys_outlive_a_restart_and_are_listed_by_age) {
  const AccessKey late = create({kNow.milliseconds_since_epoch + 5000});
  const AccessKey early = create();
  restart();
  ASSERT_THAT(keys_->list(), SizeIs(2));
  EXPECT_EQ(keys_->list()[0].id, early.id);
  EXPECT_EQ(keys_->list()[0].created, early.created);
  EXPECT_EQ(keys_->list()[1].secret, late.secret);
}

TEST_F(AccessKeysTest, a_key_counts_when_it_is_durable) {
  store_.hold_commits();
  keys_->create(entropy(), kNow, remember());
  EXPECT_EQ(answers_, 0);
  EXPECT_THAT(keys_->list(), SizeIs(0));
  store_.release_commits();
  EXPECT_EQ(answers_, 1);
  EXPECT_THAT(keys_->list(), SizeIs(1));
}

TEST_F(AccessKeysTest, changes_that_wait_for_the_disk_together_all_count) {
  const AccessKey first = create();
  store_.hold_commits();
  keys_->create(entropy(), kNow, remember());
  keys_->import("second", "secret", kNow, remember());
  keys_->remove(first.id, remember());
  store_.release_commits();
  EXPECT_EQ(answers_, 4);
  EXPECT_THAT(keys_->list(), SizeIs(2));
  EXPECT_EQ(keys_->secret_of("second"), "secret");
  EXPECT_EQ(keys_->secret_of(first.id), std::nullopt);
  const auto before = keys_->list();
  restart();
  EXPECT_THAT(keys_->list(), SizeIs(before.size()));
}

TEST_F(AccessKeysTest, a_key_that_could_not_be_stored_is_not_one) {
  store_.fail_next_commit({std::make_error_code(std::errc::no_space_on_device), "disk full"});
  keys_->create(entropy(), kNow, remember());
  ASSERT_FALSE(answer_);
  EXPECT_EQ(answer_.error().message, "disk full");
  EXPECT_THAT(keys_->list(), SizeIs(0));
  create();
  EXPECT_THAT(keys_->list(), SizeIs(1));
}

TEST_F(AccessKeysTest, an_imported_key_must_look_like_one) {
  EXPECT_EQ(import_refusal("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "");
  EXPECT_EQ(import_refusal("test", "test"), "");
  EXPECT_THAT(import_refusal("AKIAIOSFODNN7EXAMPLE", "other"), HasSubstr("already"));
  EXPECT_EQ(keys_->secret_of("AKIAIOSFODNN7EXAMPLE"), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  for (const std::string& id : {std::string("abc"), std::string("with space"), std::string("a/b/c"),
                                std::string("key\n"), std::string(129, 'A')})
    EXPECT_THAT(import_refusal(id, "secret"), HasSubstr("access key id")) << id;
  for (const std::string& secret :
       {std::string("abc"), std::string("with space"), std::string("new\nline"), std::string(129, 's')})
    EXPECT_THAT(import_refusal("GOODID", secret), HasSubstr("secret access key")) << secret;
  EXPECT_THAT(keys_->list(), SizeIs(2));
}

TEST_F(AccessKeysTest, the_last_key_stays) {
  const AccessKey first = create();
  keys_->remove(first.id, remember());
  EXPECT_FALSE(answer_);
  const AccessKey second = create();
  keys_->remove(first.id, remember());
  EXPECT_TRUE(answer_);
  keys_->remove(first.id, remember());
  EXPECT_THAT(answer_.error().message, HasSubstr("no key"));
  restart();
  ASSERT_THAT(keys_->list(), SizeIs(1));
  EXPECT_EQ(keys_->list()[0].id, second.id);
}

TEST_F(AccessKeysTest, a_store_that_cannot_be_read_is_told) {
  store_.commit({.compares = {}, .writes = {{"access-keys/BAD", "not json"}}}, [](auto) {});
  const auto loaded = AccessKeys::load(store_);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("access-keys/BAD"));
  store_.commit({.compares = {}, .writes = {{"access-keys/BAD", R"({"secret": 5, "created": "x"})"}}},
                [](auto) {});
  EXPECT_FALSE(AccessKeys::load(store_));
}

}  // namespace
}  // namespace enid::api
