#include "card/services/metadata_token.h"

#include <gtest/gtest.h>

namespace enid::card {
namespace {

const InstanceId kInstance = InstanceId::trusted("i-0123456789abcdef0");
constexpr WallTime kNow{1'700'000'000'000};

TEST(MetadataTokens, are_good_until_they_expire) {
  MetadataTokens tokens({1});
  const std::string token = tokens.issue(kNow, kInstance, 10);
  EXPECT_EQ(token.size(), 56u);
  EXPECT_EQ(tokens.seconds_left(kNow, kInstance, token), 10);
  EXPECT_EQ(tokens.seconds_left(WallTime{kNow.milliseconds_since_epoch + 9'001}, kInstance, token), 1);
  EXPECT_EQ(tokens.seconds_left(WallTime{kNow.milliseconds_since_epoch + 10'000}, kInstance, token), 0);
}

TEST(MetadataTokens, outlive_the_card_that_made_them) {
  const std::string token = MetadataTokens({1}).issue(kNow, kInstance, 10);
  EXPECT_EQ(MetadataTokens({1}).seconds_left(kNow, kInstance, token), 10);
  EXPECT_EQ(MetadataTokens({2}).seconds_left(kNow, kInstance, token), 0);
}

TEST(MetadataTokens, belong_to_one_instance) {
  MetadataTokens tokens({1});
  const std::string token = tokens.issue(kNow, kInstance, 10);
  EXPECT_EQ(tokens.seconds_left(kNow, InstanceId::trusted("i-0123456789abcdef1"), token), 0);
}

TEST(MetadataTokens, differ_although_asked_for_at_once) {
  MetadataTokens tokens({1});
  EXPECT_NE(tokens.issue(kNow, kInstance, 10), tokens.issue(kNow, kInstance, 10));
}

TEST(MetadataTokens, bear_no_change_of_a_single_character) {
  MetadataTokens tokens({1});
  const std::string token = tokens.issue(kNow, kInstance, 21'600);
  for (std::size_t at = 0; at < token.size(); ++at) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    // The last digit carries two bits of padding: some of its values mean the same bytes.
    if (at == 53) continue;
    EXPECT_EQ(tokens.seconds_left(kNow, kInstance, changed), 0) << at;
  }
  for (std::size_t size = 0; size < token.size(); ++size)
    EXPECT_EQ(tokens.seconds_left(kNow, kInstance, token.substr(0, size)), 0) << size;
  EXPECT_EQ(tokens.seconds_left(kNow, kInstance, token + "="), 0);
}

}  // namespace
}  // namespace enid::card
