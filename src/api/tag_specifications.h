// Tags in requests: TagSpecifications of the operations that make resources, and the rules for
// tags that CreateTags shares.
//
//   Documented: "Tag your Amazon EC2 resources", restrictions: at most 50 tags a resource, keys of
//   1 to 128 and values of at most 256 characters, the prefix "aws:" is the
//   system's own.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace enid::api {

namespace ec2 {
struct Tag;
struct TagSpecification;
}  // namespace ec2

using TagMap = std::map<std::string, std::string>;

inline constexpr std::size_t kTagsPerResourceMax = 50;

// The tags of one request's list.
Result<TagMap> parse_tags(const std::vector<ec2::Tag>& tags);

// The tags for the new resource of that type ("vpc", "network-interface"). `others` are further
// types that the operation accepts; anything else is refused.
Result<TagMap> tags_for(std::string_view resource_type,
                        const std::vector<ec2::TagSpecification>& specifications,
                        std::initializer_list<std::string_view> others = {});

// In the order of their keys, as results hold them.
std::vector<ec2::Tag> to_tag_list(const TagMap& tags);

}  // namespace enid::api
