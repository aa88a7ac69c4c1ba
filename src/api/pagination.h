// Pages of a Describe operation's answer.
//
// Theory of operation
//   Items are sorted by their id; a page ends with an opaque token that holds the last id given,
//   so that a page neither repeats nor skips items when others come and go between two calls.
//   Bounds of MaxResults, and that it excludes a list of ids, are the service model's: the
//   decoder has checked them. Without MaxResults everything is one page.
//
//     auto page = TRY(paginate(std::move(vpcs), &ec2::Vpc::vpc_id, request));
//     return ec2::DescribeVpcsResult{.next_token = page.next_token, .vpcs = page.items};
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace enid::api {

std::string write_page_token(std::string_view last_id);
// The id that the token holds. A token that we did not write is an InvalidNextToken.
Result<std::string> parse_page_token(std::string_view token);

template <class Item>
struct Page {
  std::vector<Item> items;
  std::optional<std::string> next_token;
};

// `id` is a member or a function that gives an item's id, as a string or an optional string.
template <class Item, class Id>
Result<Page<Item>> paginate(std::vector<Item> items, Id id, std::optional<std::int32_t> max_results,
                            const std::optional<std::string>& next_token) {
  const auto text_of = [&](const Item& item) -> std::string {
    if constexpr (requires { std::invoke(id, item).value_or(std::string()); })
      return std::invoke(id, item).value_or(std::string());
    else
      return std::string(std::invoke(id, item));
  };
  std::ranges::sort(items, {}, text_of);
  auto first = items.begin();
  if (next_token && !next_token->empty())
    first = std::ranges::upper_bound(items, TRY(parse_page_token(*next_token)), {}, text_of);
  items.erase(items.begin(), first);
  Page<Item> page;
  if (max_results && *max_results > 0 && items.size() > static_cast<std::size_t>(*max_results)) {
    items.erase(items.begin() + *max_results, items.end());
    page.next_token = write_page_token(text_of(items.back()));
  }
  page.items = std::move(items);
  return page;
}

template <class Item, class Id, class Request>
Result<Page<Item>> paginate(std::vector<Item> items, Id id, const Request& request) {
  return paginate(std::move(items), std::move(id), request.max_results, request.next_token);
}

}  // namespace enid::api
