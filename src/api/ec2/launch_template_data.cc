#include "api/ec2/launch_template_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "api/ec2/instance_requests.h"
#include "api/generated/ec2_shapes.h"
#include "api/protocol/base64.h"
#include "api/protocol/shape_json.h"
#include "base/check.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using Json = nlohmann::json;
using protocol::StructureShape;
using vpc::ec2_failure;

const protocol::OperationShape& operation(std::string_view name) {
  const protocol::OperationShape* found = protocol::find_operation(service_shape(), name);
  CHECK(found != nullptr);
  return *found;
}

const StructureShape& launch_template_data_in(const StructureShape* structure) {
  const auto member = std::ranges::find(structure->members, "LaunchTemplateData", &protocol::Member::name);
  CHECK(member != structure->members.end());
  return *member->structure;
}

const StructureShape& request_shape() {
  return launch_template_data_in(operation("CreateLaunchTemplate").input);
}

const StructureShape& response_shape() {
  return launch_template_data_in(operation("GetLaunchTemplateData").output);
}

const StructureShape& run_instances_shape() { return *operation("RunInstances").input; }

// Text of a request that is not UTF-8 keeps its place, not its bytes.
std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json parse(const std::string& data) {
  Json json = Json::parse(data, nullptr, false);
  return json.is_object() ? json : Json::object();
}

// The members by which two elements of a list are about the same thing. Empty: lists of that name have none.
std::vector<std::string> keys_of(const std::string& list) {
  if (list == "NetworkInterfaces") return {"NetworkCardIndex", "DeviceIndex"};
  if (list == "BlockDeviceMappings") return {"DeviceName"};
  if (list == "TagSpecifications") return {"ResourceType"};
  if (list == "Tags") return {"Key"};
  return {};
}

// A network card that is not named is the first.
bool same_key(const Json& a, const Json& b, const std::string& key) {
  const Json missing = key == "NetworkCardIndex" ? Json(0) : Json();
  return a.value(key, missing) == b.value(key, missing);
}

void lay_over(Json& under, const Json& over);

// Each element of the template is met once: two of the call's own with the same key stay two, to be refused.
void lay_list_over(Json& under, const Json& over, const std::vector<std::string>& keys) {
  std::vector<std::size_t> unmet(under.size());
  std::iota(unmet.begin(), unmet.end(), std::size_t{0});
  for (const Json& element : over) {
    const auto same = std::ranges::find_if(unmet, [&](std::size_t i) {
      return std::ranges::all_of(keys,
                                 [&](const std::string& key) { return same_key(element, under[i], key); });
    });
    if (same == unmet.end()) {
      under.push_back(element);
      continue;
    }
    Json& met = under[*same];
    unmet.erase(same);
    if (element.contains("NetworkInterfaceId")) {
      met = element;  // An interface that exists has its subnet, addresses and groups already.
    } else {
      lay_over(met, element);
    }
  }
}

void lay_over(Json& under, const Json& over) {
  for (const auto& [name, value] : over.items()) {
    Json& below = under[name];
    if (value.is_object() && below.is_object()) {
      lay_over(below, value);
    } else if (const auto keys = keys_of(name); !keys.empty() && value.is_array() && below.is_array()) {
      lay_list_over(below, value, keys);
    } else {
      below = value;
    }
  }
}

void rename(Json& json, const char* from, const char* to) {
  const auto found = json.find(from);
  if (found == json.end()) return;
  Json value = std::move(*found);
  json.erase(found);
  json[to] = std::move(value);
}

}  // namespace

// Observed: code and text for user data that is not base64.
Result<void> check_launch_template_data(const RequestLaunchTemplateData& data) {
  if (data.user_data && !protocol::parse_base64(*data.user_data))
    return ec2_failure("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.");
  // Documented: EC2 API Reference, RequestLaunchTemplateData, InstanceRequirements.
  if (data.instance_type && data.instance_requirements)
    return ec2_failure("InvalidParameterCombination",
                       "You can't specify both InstanceType and InstanceRequirements.");
  std::vector<TagSpecification> specifications;
  for (const LaunchTemplateTagSpecificationRequest& specification : data.tag_specifications)
    specifications.push_back({.resource_type = specification.resource_type, .tags = specification.tags});
  TRY(launch_tags("instance", specifications));
  return {};
}

std::string launch_template_data(const RequestLaunchTemplateData& data) {
  return text_of(protocol::write_json(request_shape(), &data));
}

std::string launch_template_data(const RequestLaunchTemplateData& data, const std::string& source) {
  Json json = parse(source);
  // Documented: EC2 API Reference, CreateLaunchTemplateVersion, SourceVersion: snapshots are not inherited.
  if (const auto devices = json.find("BlockDeviceMappings"); devices != json.end())
    for (Json& device : *devices)
      if (const auto volume = device.find("Ebs"); volume != device.end()) volume->erase("SnapshotId");
  json.update(protocol::write_json(request_shape(), &data));
  return text_of(json);
}

ResponseLaunchTemplateData describe_launch_template_data(const std::string& data) {
  ResponseLaunchTemplateData shape;
  protocol::read_json(response_shape(), parse(data), &shape);
  return shape;
}

Result<RunInstancesRequest> with_launch_template(const RunInstancesRequest& request,
                                                 const std::string& data) {
  Json json = parse(data);
  // Documented: EC2 API Reference, RequestLaunchTemplateData, InstanceRequirements. Chosen: the code.
  if (json.contains("InstanceRequirements") && !request.instance_type)
    return ec2_failure(
        "UnsupportedOperation",
        "RunInstances cannot launch from a launch template that specifies InstanceRequirements.");
  rename(json, "RamDiskId", "RamdiskId");
  rename(json, "ElasticGpuSpecifications", "ElasticGpuSpecification");
  // Groups by id and by name are one parameter in two forms.
  if (!request.security_group_ids.empty() || !request.security_groups.empty()) {
    json.erase("SecurityGroupIds");
    json.erase("SecurityGroups");
  }
  lay_over(json, protocol::write_json(run_instances_shape(), &request));
  RunInstancesRequest merged;
  protocol::read_json(run_instances_shape(), json, &merged);
  merged.launch_template.reset();
  return merged;
}

}  // namespace enid::api::ec2
