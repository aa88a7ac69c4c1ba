// What RunInstances says, turned into control::NewInstances.
#pragma once

#include <string_view>
#include <vector>

#include "api/generated/ec2_types.h"
#include "api/handler.h"
#include "control/operations/instances.h"

namespace enid::api::ec2 {

// The tags for one of the kinds of resources that RunInstances makes: "instance", "volume", …
Result<control::Tags> launch_tags(std::string_view resource_type,
                                  const std::vector<TagSpecification>& specifications);

Result<control::InstanceRecord> instance_prototype(CallContext& context, const RunInstancesRequest& request);
Result<std::vector<control::LaunchInterface>> launch_interfaces(CallContext& context,
                                                                const RunInstancesRequest& request);

// Refuses more than an instance may have.
Result<void> check_user_data(const std::string& decoded);

// Each of the named instances, once; refuses when one is unknown.
Result<std::vector<const control::InstanceRecord*>> find_instances(const control::Transaction& transaction,
                                                                   const std::vector<std::string>& ids);

// Changes the given fields of the metadata options, within their bounds.
template <class Request>
Result<void> fill_metadata_options(const Request& request, control::MetadataOptionsRecord& options);

Result<void> fill_metadata_option_values(const std::optional<std::string>& tokens,
                                         std::optional<std::int32_t> hop_limit,
                                         const std::optional<std::string>& endpoint,
                                         const std::optional<std::string>& tags,
                                         control::MetadataOptionsRecord& options);

template <class Request>
Result<void> fill_metadata_options(const Request& request, control::MetadataOptionsRecord& options) {
  return fill_metadata_option_values(request.http_tokens, request.http_put_response_hop_limit,
                                     request.http_endpoint, request.instance_metadata_tags, options);
}

}  // namespace enid::api::ec2
