// Versions of launch templates: create, describe, delete.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/launch_template_data.h"
#include "api/ec2/launch_template_requests.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/pagination.h"

namespace enid::api::ec2 {
namespace {

using control::LaunchTemplateRecord;
using control::LaunchTemplateVersionRecord;
using vpc::ec2_failure;

// Documented: EC2 API Reference, DeleteLaunchTemplateVersions.
constexpr std::size_t kDeletedVersionsMax = 200;

LaunchTemplateVersion describe(const LaunchTemplateRecord& launch_template,
                               const LaunchTemplateVersionRecord& version) {
  LaunchTemplateVersion shape;
  shape.launch_template_id = launch_template.id.text();
  shape.launch_template_name = launch_template.name;
  shape.version_number = version.number;
  if (!version.description.empty()) shape.version_description = version.description;
  shape.create_time = version.create_time;
  shape.created_by = version.created_by;
  shape.default_version = version.number == launch_template.default_version;
  shape.launch_template_data = describe_launch_template_data(version.data);
  shape.operator_ = OperatorResponse{.managed = false};
  return shape;
}

Result<CreateLaunchTemplateVersionResult> create_launch_template_version(
    CallContext& context, const CreateLaunchTemplateVersionRequest& request) {
  const LaunchTemplateId id = TRY(named_launch_template(context, request))->id;
  TRY(check_launch_template_data(*request.launch_template_data));
  control::NewLaunchTemplateVersion what{
      .description = request.version_description.value_or(""), .created_by = caller_arn(context), .data = {}};
  if (request.source_version) {
    const auto& launch_template = *TRY(control::find_launch_template(context.transaction, id));
    const auto& source =
        *TRY(control::find_version(context.transaction, launch_template, *request.source_version));
    what.data = launch_template_data(*request.launch_template_data, source.data);
  } else {
    what.data = launch_template_data(*request.launch_template_data);
  }
  const auto& made = *TRY(control::create_launch_template_version(context.transaction, id, what));
  CreateLaunchTemplateVersionResult result;
  result.launch_template_version = describe(*context.transaction.find<LaunchTemplateRecord>(id), made);
  return result;
}

void filter_values(const LaunchTemplateVersion& version, std::string_view name, FilterValues& values) {
  const ResponseLaunchTemplateData& data = *version.launch_template_data;
  if (name == "create-time") values.add(version.create_time);
  if (name == "is-default-version") values.add(version.default_version);
  if (name == "ebs-optimized") values.add(data.ebs_optimized);
  if (name == "image-id") values.add(data.image_id);
  if (name == "instance-type") values.add(data.instance_type);
  if (name == "kernel-id") values.add(data.kernel_id);
  if (name == "ram-disk-id") values.add(data.ram_disk_id);
  if (name == "iam-instance-profile" && data.iam_instance_profile) values.add(data.iam_instance_profile->arn);
  if (name == "host-resource-group-arn" && data.placement)
    values.add(data.placement->host_resource_group_arn);
  if (name == "license-configuration-arn")
    for (const auto& licence : data.license_specifications) values.add(licence.license_configuration_arn);
  if (name == "network-card-index")
    for (const auto& interface : data.network_interfaces) values.add(interface.network_card_index);
  if (!data.metadata_options) return;
  if (name == "http-tokens") values.add(data.metadata_options->http_tokens);
  if (name == "http-endpoint") values.add(data.metadata_options->http_endpoint);
  if (name == "http-protocol-ipv4") values.add(data.metadata_options->http_endpoint);
}

// A bound of the numbers asked for; empty: none.
Result<std::optional<std::int32_t>> bound(const control::RegionModel& region,
                                          const LaunchTemplateRecord& launch_template,
                                          const std::optional<std::string>& version) {
  if (!version) return std::optional<std::int32_t>();
  const std::int32_t number = control::version_number(region, launch_template, *version);
  if (number == 0)
    return ec2_failure("InvalidParameterValue",
                       fmt::format("The launch template version '{}' is not a number.", *version));
  return std::optional(number);
}

Result<std::vector<const LaunchTemplateVersionRecord*>> wanted_versions(
    const CallContext& context, const LaunchTemplateRecord& launch_template,
    const DescribeLaunchTemplateVersionsRequest& request) {
  std::vector<const LaunchTemplateVersionRecord*> wanted;
  for (const std::string& version : request.versions) {
    const auto* found = TRY(control::find_version(context.transaction, launch_template, version));
    if (std::ranges::find(wanted, found) == wanted.end()) wanted.push_back(found);
  }
  if (!request.versions.empty()) return wanted;
  const control::RegionModel& region = context.transaction.region();
  const auto low = TRY(bound(region, launch_template, request.min_version));
  const auto high = TRY(bound(region, launch_template, request.max_version));
  for (const LaunchTemplateVersionRecord* version : control::versions_of(region, launch_template.id))
    if (version->number >= low.value_or(1) && version->number <= high.value_or(INT32_MAX))
      wanted.push_back(version);
  return wanted;
}

// Documented: EC2 API Reference, DescribeLaunchTemplateVersions: without a template, the latest or the
// default versions of all. Chosen: the codes.
Result<std::vector<const LaunchTemplateRecord*>> wanted_templates(
    const CallContext& context, const DescribeLaunchTemplateVersionsRequest& request) {
  if (!request.versions.empty() && (request.min_version || request.max_version))
    return ec2_failure("InvalidParameterCombination",
                       "Versions cannot be specified together with MinVersion or MaxVersion.");
  if (request.launch_template_id || request.launch_template_name)
    return std::vector{TRY(named_launch_template(context, request))};
  if (request.versions.empty())
    return ec2_failure("MissingParameter",
                       "Either a launch template ID or a launch template name must be specified.");
  for (const std::string& version : request.versions)
    if (version != "$Latest" && version != "$Default")
      return ec2_failure(
          "InvalidParameterCombination",
          "Without a launch template, only the versions $Latest and $Default can be specified.");
  std::vector<const LaunchTemplateRecord*> all;
  for (const auto& [id, launch_template] : context.transaction.table<LaunchTemplateRecord>())
    all.push_back(&launch_template);
  return all;
}

Result<DescribeLaunchTemplateVersionsResult> describe_launch_template_versions(
    CallContext& context, const DescribeLaunchTemplateVersionsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeLaunchTemplateVersions", request.filters));
  std::vector<LaunchTemplateVersion> found;
  for (const LaunchTemplateRecord* launch_template : TRY(wanted_templates(context, request)))
    for (const auto* version : TRY(wanted_versions(context, *launch_template, request))) {
      LaunchTemplateVersion shape = describe(*launch_template, *version);
      if (filters.match([&](std::string_view name, FilterValues& to) { filter_values(shape, name, to); }))
        found.push_back(std::move(shape));
    }
  // Observed: the newest version comes first.
  const auto order = [](const LaunchTemplateVersion& version) {
    return fmt::format("{}/{:010}", *version.launch_template_id, INT32_MAX - *version.version_number);
  };
  auto page = TRY(paginate(std::move(found), order, request));
  return DescribeLaunchTemplateVersionsResult{.launch_template_versions = std::move(page.items),
                                              .next_token = std::move(page.next_token)};
}

// Documented: EC2 API Reference, ResponseError: these codes, per version, in a call that succeeds.
std::string error_code_of(const Error& error) {
  const std::string code = vpc::ec2_code(error);
  if (code == "InvalidLaunchTemplateId.NotFound") return "launchTemplateIdDoesNotExist";
  if (code == "InvalidLaunchTemplateId.Malformed") return "launchTemplateIdMalformed";
  if (code == "InvalidLaunchTemplateName.NotFoundException") return "launchTemplateNameDoesNotExist";
  if (code == "InvalidLaunchTemplateId.VersionNotFound") return "launchTemplateVersionDoesNotExist";
  return "unexpectedError";
}

Result<void> delete_version(CallContext& context, const DeleteLaunchTemplateVersionsRequest& request,
                            const std::string& version) {
  const auto& launch_template = *TRY(named_launch_template(context, request));
  // Chosen: "$Latest" names no version here: what it means changes with every one deleted.
  const bool is_number = !version.starts_with('$');
  const auto& found =
      *TRY(control::find_version(context.transaction, launch_template, is_number ? version : "0"));
  // Documented: the default version cannot be deleted. Chosen: the text.
  if (found.number == launch_template.default_version)
    return ec2_failure("OperationNotPermitted",
                       fmt::format("Version {} is the default version of the launch template with ID {} and "
                                   "cannot be deleted.",
                                   found.number, launch_template.id.text()));
  context.transaction.erase<LaunchTemplateVersionRecord>(std::string(found.id));
  return {};
}

Result<DeleteLaunchTemplateVersionsResult> delete_launch_template_versions(
    CallContext& context, const DeleteLaunchTemplateVersionsRequest& request) {
  if (request.versions.size() > kDeletedVersionsMax)
    return ec2_failure("InvalidParameterValue",
                       fmt::format("At most {} versions can be deleted in one call.", kDeletedVersionsMax));
  const auto launch_template = named_launch_template(context, request);
  if (!launch_template && error_code_of(launch_template.error()) == "unexpectedError")
    return std::unexpected(launch_template.error());
  DeleteLaunchTemplateVersionsResult result;
  for (const std::string& version : request.versions) {
    const auto fill = [&](auto& item) {
      item.launch_template_id = launch_template ? (*launch_template)->id.text() : request.launch_template_id;
      item.launch_template_name = launch_template ? (*launch_template)->name : request.launch_template_name;
      if (launch_template)
        if (const auto number =
                control::version_number(context.transaction.region(), **launch_template, version);
            number > 0)
          item.version_number = number;
    };
    if (const auto done = delete_version(context, request, version)) {
      fill(result.successfully_deleted_launch_template_versions.emplace_back());
    } else {
      auto& item = result.unsuccessfully_deleted_launch_template_versions.emplace_back();
      fill(item);
      item.response_error =
          ResponseError{.code = error_code_of(done.error()), .message = done.error().message};
    }
  }
  return result;
}

}  // namespace

void add_launch_template_version_operations(OperationTable& table) {
  table.add<operations::CreateLaunchTemplateVersion>(create_launch_template_version, OperationKind::kChange);
  table.add<operations::DescribeLaunchTemplateVersions>(describe_launch_template_versions,
                                                        OperationKind::kRead);
  table.add<operations::DeleteLaunchTemplateVersions>(delete_launch_template_versions,
                                                      OperationKind::kChange);
}

}  // namespace enid::api::ec2
