#include "api/tag_specifications.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/generated/ec2_types.h"
#include "control/operations/tags.h"
#include "vpc/ec2_error.h"

namespace enid::api {
namespace {

constexpr std::size_t kKeyLengthMax = 128;
constexpr std::size_t kValueLengthMax = 256;

// Characters, not bytes: continuation bytes of UTF-8 do not count.
std::size_t length_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char letter) { return (static_cast<unsigned char>(letter) & 0xC0) != 0x80; }));
}

}  // namespace

Result<TagMap> parse_tags(const std::vector<ec2::Tag>& tags) {
  TagMap map;
  for (const ec2::Tag& tag : tags) {
    if (!tag.key)
      return vpc::ec2_failure("MissingParameter", "The request must contain the parameter Tag.Key");
    const std::string value = tag.value.value_or("");
    if (tag.key->empty() || length_of(*tag.key) > kKeyLengthMax)
      return vpc::ec2_failure("InvalidParameterValue",
                              fmt::format("Tag key must be between 1 and {} characters in length: '{}'",
                                          kKeyLengthMax, *tag.key));
    if (length_of(value) > kValueLengthMax)
      return vpc::ec2_failure(
          "InvalidParameterValue",
          fmt::format("Tag value exceeds the maximum length of {} characters", kValueLengthMax));
    if (control::is_reserved_tag_key(*tag.key))
      return vpc::ec2_failure("InvalidParameterValue",
                              fmt::format("Tag keys starting with '{}' are reserved for internal use: '{}'",
                                          tag.key->substr(0, tag.key->find(':') + 1), *tag.key));
    if (!map.emplace(*tag.key, value).second)
      return vpc::ec2_failure("InvalidParameterValue",
                              fmt::format("Duplicate tag key '{}' specified.", *tag.key));
  }
  if (map.size() > kTagsPerResourceMax)
    return vpc::ec2_failure(
        "TagLimitExceeded",
        fmt::format("The maximum number of tags for a resource has been reached: {}", kTagsPerResourceMax));
  return map;
}

Result<TagMap> tags_for(std::string_view resource_type,
                        const std::vector<ec2::TagSpecification>& specifications,
                        std::initializer_list<std::string_view> others) {
  std::vector<ec2::Tag> tags;
  for (const ec2::TagSpecification& specification : specifications) {
    if (!specification.resource_type)
      return vpc::ec2_failure("InvalidParameterValue", "Tag specification resource type must have a value");
    if (specification.tags.empty())
      return vpc::ec2_failure("InvalidParameterValue", "Tag specification must have at least one tag");
    const std::string& type = *specification.resource_type;
    if (type == resource_type) {
      tags.insert(tags.end(), specification.tags.begin(), specification.tags.end());
      continue;
    }
    if (std::ranges::find(others, type) == others.end())
      return vpc::ec2_failure(
          "InvalidParameterValue",
          fmt::format("'{}' is not a valid taggable resource type for this operation.", type));
    TRY(parse_tags(specification.tags));
  }
  return parse_tags(tags);
}

std::vector<ec2::Tag> to_tag_list(const TagMap& tags) {
  std::vector<ec2::Tag> list;
  for (const auto& [key, value] : tags) list.push_back({.key = key, .value = value});
  return list;
}

}  // namespace enid::api
