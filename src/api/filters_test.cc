#include "api/filters.h"

#include <gtest/gtest.h>

#include "api/generated/ec2_types.h"
#include "vpc/ec2_error.h"

namespace enid::api {
namespace {

// The obvious form: one step of the pattern against one step of the text, in every way.
bool matches_slowly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return matches_slowly(pattern.substr(1), text) ||
           (!text.empty() && matches_slowly(pattern, text.substr(1)));
  if (text.empty()) return false;
  if (pattern[0] == '\\' && pattern.size() > 1)
    return pattern[1] == text[0] && matches_slowly(pattern.substr(2), text.substr(1));
  return (pattern[0] == '?' || pattern[0] == text[0]) && matches_slowly(pattern.substr(1), text.substr(1));
}

TEST(Wildcards, match_as_the_obvious_form_does) {
  constexpr std::string_view kPatternLetters = "ab*?\\";
  constexpr std::string_view kTextLetters = "ab*";
  const auto word = [](std::string_view letters, std::size_t number) {
    std::string text;
    for (; number > 0; number /= letters.size() + 1)
      if (number % (letters.size() + 1) > 0) text += letters[number % (letters.size() + 1) - 1];
    return text;
  };
  for (std::size_t p = 0; p < 6 * 6 * 6 * 6; ++p)
    for (std::size_t t = 0; t < 4 * 4 * 4 * 4; ++t) {
      const std::string pattern = word(kPatternLetters, p);
      const std::string text = word(kTextLetters, t);
      ASSERT_EQ(matches_wildcards(pattern, text), matches_slowly(pattern, text)) << pattern << " " << text;
    }
}

TEST(Wildcards, take_no_time_to_fail) {
  const std::string pattern(100, '*');
  EXPECT_FALSE(matches_wildcards(pattern + "b", std::string(10'000, 'a')));
}

bool passes(const std::vector<ec2::Filter>& raw) {
  const auto filters = Filters::parse("DescribeVpcs", raw);
  EXPECT_TRUE(filters) << filters.error().message;
  return filters->match(
      [](std::string_view name, FilterValues& values) {
        if (name == "vpc-id") values.add("vpc-1");
        if (name == "is-default") values.add(true);
        if (name == "cidr-block-association.cidr-block") {
          values.add("10.0.0.0/16");
          values.add("10.1.0.0/16");
        }
      },
      {{"Name", "blue"}, {"Owner", "ann"}});
}

TEST(Filters, need_one_value_of_each_filter) {
  EXPECT_TRUE(passes({}));
  EXPECT_TRUE(passes({{.name = "vpc-id", .values = {"vpc-2", "vpc-1"}}}));
  EXPECT_FALSE(passes({{.name = "vpc-id", .values = {"vpc-2"}}}));
  EXPECT_TRUE(passes({{.name = "vpc-id", .values = {"vpc-*"}}, {.name = "is-default", .values = {"true"}}}));
  EXPECT_FALSE(
      passes({{.name = "vpc-id", .values = {"vpc-1"}}, {.name = "is-default", .values = {"false"}}}));
  EXPECT_TRUE(passes({{.name = "cidr-block-association.cidr-block", .values = {"10.1.*"}}}));
  EXPECT_FALSE(passes({{.name = "owner-id", .values = {"*"}}}));
}

TEST(Filters, look_at_tags_by_key_and_by_value) {
  EXPECT_TRUE(passes({{.name = "tag:Name", .values = {"bl?e"}}}));
  EXPECT_FALSE(passes({{.name = "tag:Name", .values = {"ann"}}}));
  EXPECT_FALSE(passes({{.name = "tag:Colour", .values = {"*"}}}));
  EXPECT_TRUE(passes({{.name = "tag-key", .values = {"Owner"}}}));
  EXPECT_FALSE(passes({{.name = "tag-key", .values = {"ann"}}}));
}

TEST(Filters, of_unknown_names_are_refused) {
  for (const std::string name : {"colour", "tag:", "VPC-ID", "Tag:Name"}) {
    const auto filters = Filters::parse("DescribeVpcs", {{.name = name, .values = {"x"}}});
    ASSERT_FALSE(filters) << name;
    EXPECT_EQ(vpc::ec2_code(filters.error()), "InvalidParameterValue");
    EXPECT_EQ(filters.error().message, "The filter '" + name + "' is invalid");
  }
}

TEST(Filters, are_bounded) {
  EXPECT_FALSE(Filters::parse("DescribeVpcs", {{.name = "vpc-id", .values = {std::string(256, 'x')}}}));
  EXPECT_FALSE(
      Filters::parse("DescribeVpcs", {{.name = "vpc-id", .values = std::vector<std::string>(201, "x")}}));
}

}  // namespace
}  // namespace enid::api
