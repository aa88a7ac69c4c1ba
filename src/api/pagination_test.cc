#include "api/pagination.h"

#include <gtest/gtest.h>

#include "vpc/ec2_error.h"

namespace enid::api {
namespace {

struct Item {
  std::string id;
};

std::vector<Item> items_of(std::string_view letters) {
  std::vector<Item> items;
  for (const char letter : letters) items.push_back({std::string(1, letter)});
  return items;
}

std::string text_of(const Page<Item>& page) {
  std::string text;
  for (const Item& item : page.items) text += item.id;
  return text;
}

TEST(Pagination, gives_everything_in_order_without_max_results) {
  const auto page = paginate(items_of("cab"), &Item::id, std::nullopt, std::nullopt);
  ASSERT_TRUE(page);
  EXPECT_EQ(text_of(*page), "abc");
  EXPECT_EQ(page->next_token, std::nullopt);
}

TEST(Pagination, neither_repeats_nor_skips_when_items_come_and_go) {
  const auto first = paginate(items_of("bdfh"), &Item::id, 2, std::nullopt);
  ASSERT_TRUE(first);
  EXPECT_EQ(text_of(*first), "bd");
  ASSERT_TRUE(first->next_token);
  // "d", the last of the first page, went; "a" and "e" came.
  const auto second = paginate(items_of("abefh"), &Item::id, 2, first->next_token);
  ASSERT_TRUE(second);
  EXPECT_EQ(text_of(*second), "ef");
  const auto third = paginate(items_of("abefh"), &Item::id, 2, second->next_token);
  ASSERT_TRUE(third);
  EXPECT_EQ(text_of(*third), "h");
  EXPECT_EQ(third->next_token, std::nullopt);
}

TEST(Pagination, refuses_tokens_that_it_did_not_write) {
  for (const std::string token : {"x", "AAAA", "vpc-1"}) {
    const auto page = paginate(items_of("abc"), &Item::id, 2, token);
    ASSERT_FALSE(page) << token;
    EXPECT_EQ(vpc::ec2_code(page.error()), "InvalidNextToken");
  }
}

}  // namespace
}  // namespace enid::api
