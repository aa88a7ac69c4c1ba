// Filters of the Describe operations.
//
// Theory of operation
//   A filter is a name and some values. An item passes when, for each filter, one of the item's
//   values of that name matches one of the filter's values. `*` and `?` in a filter's value stand
//   for any text and any character; a backslash takes their meaning away. Names are checked
//   against the list that the service model holds for the operation.
//
//     const Filters filters = TRY(Filters::parse("DescribeVpcs", request.filters));
//     ...
//     if (!filters.match(
//             [&](std::string_view name, FilterValues& values) {
//               if (name == "vpc-id") values.add(vpc.id.text());
//               if (name == "is-default") values.add(vpc.is_default);
//             },
//             vpc.tags)) continue;
//
//   A name of the list for which an item gives no value matches nothing.
//   Documented: "List and filter using the CLI and API", EC2 user guide.
#pragma once

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace enid::api {

namespace ec2 {
struct Filter;
}

// True when `text` matches `pattern` with its wildcards, letter by letter.
bool matches_wildcards(std::string_view pattern, std::string_view text);

// An item's values of one name.
class FilterValues {
 public:
  void add(std::string_view text) { texts_.emplace_back(text); }
  void add(const char* text) { texts_.emplace_back(text); }
  void add(bool value) { texts_.emplace_back(value ? "true" : "false"); }
  void add(WallTime time);  // As 2016-11-15T00:00:00.000Z.
  template <std::integral Number>
  void add(Number number) {
    texts_.push_back(std::to_string(number));
  }
  template <class Value>
  void add(const std::optional<Value>& value) {
    if (value) add(*value);
  }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::vector<std::string> texts_;
};

class Filters {
 public:
  using Tags = std::map<std::string, std::string>;

  static Result<Filters> parse(std::string_view operation, const std::vector<ec2::Filter>& filters);

  bool empty() const { return filters_.empty(); }

  // `describe(name, values)` adds the item's values of that name. Filters on tags are left to
  // match_tags().
  template <class Describe>
  bool match(Describe&& describe) const {
    for (const OneFilter& filter : filters_) {
      if (filter.on_tags) continue;
      FilterValues values;
      describe(std::string_view(filter.name), values);
      if (!any_match(filter, values.texts())) return false;
    }
    return true;
  }
  template <class Describe>
  bool match(Describe&& describe, const Tags& tags) const {
    return match(describe) && match_tags(tags);
  }
  bool match_tags(const Tags& tags) const;

 private:
  struct OneFilter {
    std::string name;
    std::vector<std::string> patterns;
    bool on_tags;
  };

  static bool any_match(const OneFilter& filter, const std::vector<std::string>& texts);

  std::vector<OneFilter> filters_;
};

}  // namespace enid::api
