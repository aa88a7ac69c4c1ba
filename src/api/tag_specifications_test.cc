#include "api/tag_specifications.h"

#include <gtest/gtest.h>

#include "api/generated/ec2_types.h"
#include "vpc/ec2_error.h"

namespace enid::api {
namespace {

std::string code_for(const std::vector<ec2::Tag>& tags) {
  const auto map = parse_tags(tags);
  return map ? "" : vpc::ec2_code(map.error());
}

TEST(Tags, are_taken_within_their_limits) {
  EXPECT_EQ(code_for({{.key = std::string(128, 'k'), .value = std::string(256, 'v')}}), "");
  EXPECT_EQ(code_for({{.key = "empty", .value = ""}, {.key = "none"}}), "");
  std::string umlauts;
  for (int i = 0; i < 128; ++i) umlauts += "\xC3\xBC";
  EXPECT_EQ(code_for({{.key = umlauts, .value = ""}}), "");
}

TEST(Tags, are_refused_beyond_their_limits) {
  EXPECT_EQ(code_for({{.key = "", .value = "v"}}), "InvalidParameterValue");
  EXPECT_EQ(code_for({{.key = std::string(129, 'k'), .value = "v"}}), "InvalidParameterValue");
  EXPECT_EQ(code_for({{.key = "k", .value = std::string(257, 'v')}}), "InvalidParameterValue");
  EXPECT_EQ(code_for({{.key = "Aws:name", .value = "v"}}), "InvalidParameterValue");
  EXPECT_EQ(code_for({{.key = "k", .value = "1"}, {.key = "k", .value = "2"}}), "InvalidParameterValue");
  std::vector<ec2::Tag> many;
  for (int i = 0; i < 51; ++i) many.push_back({.key = std::to_string(i), .value = "v"});
  EXPECT_EQ(code_for(many), "TagLimitExceeded");
}

TEST(TagSpecifications, give_the_tags_of_the_type_asked_for) {
  const std::vector<ec2::TagSpecification> specifications{
      {.resource_type = "instance", .tags = {{.key = "a", .value = "1"}}},
      {.resource_type = "volume", .tags = {{.key = "b", .value = "2"}}},
      {.resource_type = "instance", .tags = {{.key = "c", .value = "3"}}}};
  const auto tags = tags_for("instance", specifications, {"volume"});
  ASSERT_TRUE(tags);
  EXPECT_EQ(*tags, (TagMap{{"a", "1"}, {"c", "3"}}));
}

TEST(TagSpecifications, of_another_type_are_refused) {
  const auto tags = tags_for("vpc", {{.resource_type = "subnet", .tags = {{.key = "a", .value = "1"}}}});
  ASSERT_FALSE(tags);
  EXPECT_EQ(vpc::ec2_code(tags.error()), "InvalidParameterValue");
  EXPECT_EQ(tags.error().message, "'subnet' is not a valid taggable resource type for this operation.");
}

}  // namespace
}  // namespace enid::api
