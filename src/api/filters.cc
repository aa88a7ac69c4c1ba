#include "api/filters.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/generated/ec2_shapes.h"
#include "api/generated/ec2_types.h"
#include "api/protocol/timestamp.h"
#include "base/check.h"
#include "vpc/ec2_error.h"

namespace enid::api {
namespace {

// Documented: "The maximum number of filter values specified on a single call is 200"; 255
// characters a value.
constexpr std::size_t kValuesMax = 200;
constexpr std::size_t kValueLengthMax = 255;

constexpr std::string_view kTagPrefix = "tag:";

bool is_allowed(std::span<const std::string_view> names, std::string_view name) {
  const bool of_a_tag = name.starts_with(kTagPrefix);
  if (of_a_tag && name.size() == kTagPrefix.size()) return false;
  return std::ranges::find(names, of_a_tag ? kTagPrefix : name) != names.end();
}

}  // namespace

// Greedy with one point to return to: after the last `*`, which then takes one letter more.
bool matches_wildcards(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    const std::size_t letter = escaped ? p + 1 : p;
    if (letter < pattern.size() && (pattern[letter] == text[t] || (!escaped && pattern[letter] == '?'))) {
      p = letter + 1;
      ++t;
      continue;
    }
    if (star == std::string_view::npos) return false;
    p = star + 1;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

void FilterValues::add(WallTime time) { texts_.push_back(protocol::write_timestamp(time)); }

Result<Filters> Filters::parse(std::string_view operation, const std::vector<ec2::Filter>& filters) {
  const protocol::OperationShape* shape = protocol::find_operation(ec2::service_shape(), operation);
  CHECK(shape != nullptr);
  Filters parsed;
  std::size_t values = 0;
  for (const ec2::Filter& filter : filters) {
    if (!filter.name || !is_allowed(shape->filters, *filter.name)) {
      return vpc::ec2_failure("InvalidParameterValue",
                              fmt::format("The filter '{}' is invalid", filter.name.value_or("null")));
    }
    values += filter.values.size();
    if (values > kValuesMax) {
      return vpc::ec2_failure(
          "FilterLimitExceeded",
          fmt::format("The maximum number of filter values specified on a single call is {}", kValuesMax));
    }
    for (const std::string& value : filter.values) {
      if (value.size() > kValueLengthMax) {
        return vpc::ec2_failure("InvalidParameterValue",
                                fmt::format("The value of filter '{}' is longer than {} characters",
                                            *filter.name, kValueLengthMax));
      }
    }
    const bool on_tags =
        filter.name->starts_with(kTagPrefix) || *filter.name == "tag-key" || *filter.name == "tag-value";
    parsed.filters_.push_back({*filter.name, filter.values, on_tags});
  }
  return parsed;
}

bool Filters::any_match(const OneFilter& filter, const std::vector<std::string>& texts) {
  return std::ranges::any_of(filter.patterns, [&](const std::string& pattern) {
    return std::ranges::any_of(texts,
                               [&](const std::string& text) { return matches_wildcards(pattern, text); });
  });
}

bool Filters::match_tags(const Tags& tags) const {
  for (const OneFilter& filter : filters_) {
    if (!filter.on_tags) continue;
    std::vector<std::string> texts;
    if (filter.name.starts_with(kTagPrefix)) {
      const auto tag = tags.find(filter.name.substr(kTagPrefix.size()));
      if (tag != tags.end()) texts.push_back(tag->second);
    } else {
      for (const auto& [key, value] : tags) texts.push_back(filter.name == "tag-key" ? key : value);
    }
    if (!any_match(filter, texts)) return false;
  }
  return true;
}

}  // namespace enid::api
