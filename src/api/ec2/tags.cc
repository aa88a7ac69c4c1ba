// Tags: CreateTags, DeleteTags, DescribeTags.
//
// Documented: EC2 User Guide, "Tag your Amazon EC2 resources"; EC2 API Reference, CreateTags
// (at most 1000 resources), DeleteTags (a tag without a value goes whatever its value).
#include "control/operations/tags.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using control::Tags;
using vpc::ec2_failure;

constexpr std::size_t kResourcesMax = 1000;

Error no_such_resource(const std::string& id) {
  const std::string prefix = id.substr(0, id.find_last_of('-'));
  if (id_words(prefix) != nullptr)
    return is_resource_id(id, prefix) ? id_not_found(prefix, id) : malformed_id(prefix, id);
  return vpc::ec2_error("InvalidID", fmt::format("The ID '{}' is not valid", id));
}

Result<void> check_resources(const std::vector<std::string>& resources) {
  if (resources.empty())
    return ec2_failure("MissingParameter", "The request must contain the parameter resourceIdSet");
  if (resources.size() > kResourcesMax)
    return ec2_failure("InvalidParameterValue",
                       fmt::format("The maximum number of resources in one call is {}.", kResourcesMax));
  return {};
}

// Gives each of the resources the tags that `change` makes of its present ones.
template <class Change>
Result<void> change_tags(CallContext& context, const std::vector<std::string>& resources, Change&& change) {
  TRY(check_resources(resources));
  for (const std::string& id : resources) {
    const Tags* present = control::find_tags(context.transaction.region(), id);
    if (present == nullptr) return std::unexpected(no_such_resource(id));
    Tags tags = *present;
    change(tags);
    const auto own =
        std::ranges::count_if(tags, [](const auto& tag) { return !control::is_reserved_tag_key(tag.first); });
    if (static_cast<std::size_t>(own) > kTagsPerResourceMax)
      return ec2_failure(
          "TagLimitExceeded",
          fmt::format("The maximum number of tags for a resource has been reached: {}", kTagsPerResourceMax));
    if (tags != *present) control::set_tags(context.transaction, id, std::move(tags));
  }
  return {};
}

Result<operations::CreateTags::Result> create_tags(CallContext& context, const CreateTagsRequest& request) {
  if (request.tags.empty())
    return ec2_failure("MissingParameter", "The request must contain the parameter tagSet");
  const TagMap added = TRY(parse_tags(request.tags));
  TRY(change_tags(context, request.resources, [&](Tags& tags) {
    for (const auto& [key, value] : added) tags[key] = value;
  }));
  return {};
}

Result<operations::DeleteTags::Result> delete_tags(CallContext& context, const DeleteTagsRequest& request) {
  for (const Tag& tag : request.tags)
    if (!tag.key || tag.key->empty())
      return ec2_failure("InvalidParameterValue",
                         "Tag key must be between 1 and 128 characters in length: ''");
  // Chosen: as CreateTags refuses them; what EC2 says here is not known.
  for (const Tag& tag : request.tags)
    if (control::is_reserved_tag_key(*tag.key))
      return ec2_failure("InvalidParameterValue",
                         fmt::format("Tag keys starting with '{}' are reserved for internal use: '{}'",
                                     tag.key->substr(0, tag.key->find(':') + 1), *tag.key));
  TRY(change_tags(context, request.resources, [&](Tags& tags) {
    // Documented: EC2 API Reference, DeleteTags: AWS's own tags stay.
    if (request.tags.empty())
      std::erase_if(tags, [](const auto& tag) { return !control::is_reserved_tag_key(tag.first); });
    for (const Tag& tag : request.tags) {
      const auto present = tags.find(*tag.key);
      if (present != tags.end() && tag.value.value_or(present->second) == present->second)
        tags.erase(present);
    }
  }));
  return {};
}

void filter_values(const TagDescription& tag, std::string_view name, FilterValues& values) {
  if (name == "key") values.add(tag.key);
  if (name == "resource-id") values.add(tag.resource_id);
  if (name == "resource-type") values.add(tag.resource_type);
  if (name == "value") values.add(tag.value);
}

Result<DescribeTagsResult> describe_tags(CallContext& context, const DescribeTagsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeTags", request.filters));
  std::vector<TagDescription> found;
  control::for_each_tagged(context.transaction.region(), [&](const control::TaggedResource& resource) {
    for (const auto& [key, value] : resource.tags) {
      TagDescription tag;
      tag.key = key;
      tag.resource_id = resource.id;
      tag.resource_type = std::string(resource.type);
      tag.value = value;
      const auto values = [&](std::string_view name, FilterValues& to) { filter_values(tag, name, to); };
      if (filters.match(values, {{key, value}})) found.push_back(std::move(tag));
    }
  });
  auto page = TRY(paginate(
      std::move(found), [](const TagDescription& tag) { return *tag.resource_id + " " + *tag.key; },
      request));
  return DescribeTagsResult{.next_token = std::move(page.next_token), .tags = std::move(page.items)};
}

}  // namespace

void add_tag_operations(OperationTable& table) {
  table.add<operations::CreateTags>(create_tags, OperationKind::kChange);
  table.add<operations::DeleteTags>(delete_tags, OperationKind::kChange);
  table.add<operations::DescribeTags>(describe_tags, OperationKind::kRead);
}

}  // namespace enid::api::ec2
