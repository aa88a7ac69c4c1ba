// Launch templates: create, describe, choose the default version, delete.
#include "api/ec2/launch_template_data.h"
#include "api/ec2/launch_template_requests.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"

namespace enid::api::ec2 {
namespace {

using control::LaunchTemplateRecord;
using vpc::ec2_failure;

Result<CreateLaunchTemplateResult> create_launch_template(CallContext& context,
                                                          const CreateLaunchTemplateRequest& request) {
  TRY(check_launch_template_data(*request.launch_template_data));
  const LaunchTemplateId id =
      TRY(control::create_launch_template(context.transaction, *request.launch_template_name,
                                          TRY(tags_for("launch-template", request.tag_specifications)),
                                          {.description = request.version_description.value_or(""),
                                           .created_by = caller_arn(context),
                                           .data = launch_template_data(*request.launch_template_data)}));
  CreateLaunchTemplateResult result;
  result.launch_template =
      describe(context.transaction.region(), *context.transaction.find<LaunchTemplateRecord>(id));
  return result;
}

void filter_values(const LaunchTemplateRecord& launch_template, std::string_view name, FilterValues& values) {
  if (name == "create-time") values.add(launch_template.create_time);
  if (name == "launch-template-name") values.add(launch_template.name);
}

// Observed: the text for a name that nothing has.
Result<void> check_names(const CallContext& context, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (!control::find_launch_template(context.transaction, name))
      return ec2_failure("InvalidLaunchTemplateName.NotFoundException",
                         "At least one of the launch templates specified in the request does not exist.");
  return {};
}

Result<DescribeLaunchTemplatesResult> describe_launch_templates(
    CallContext& context, const DescribeLaunchTemplatesRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeLaunchTemplates", request.filters));
  const std::vector<std::string>& names = request.launch_template_names;
  TRY(check_names(context, names));
  std::vector<LaunchTemplate> found;
  const auto consider = [&](const LaunchTemplateRecord& launch_template) {
    if (!names.empty() && std::ranges::find(names, launch_template.name) == names.end()) return;
    const auto values = [&](std::string_view name, FilterValues& to) {
      filter_values(launch_template, name, to);
    };
    if (filters.match(values, launch_template.tags))
      found.push_back(describe(context.transaction.region(), launch_template));
  };
  TRY(for_each_record<LaunchTemplateRecord>(context.transaction, request.launch_template_ids, consider));
  auto page = TRY(paginate(std::move(found), &LaunchTemplate::launch_template_id, request));
  return DescribeLaunchTemplatesResult{.launch_templates = std::move(page.items),
                                       .next_token = std::move(page.next_token)};
}

Result<ModifyLaunchTemplateResult> modify_launch_template(CallContext& context,
                                                          const ModifyLaunchTemplateRequest& request) {
  LaunchTemplateRecord changed = *TRY(named_launch_template(context, request));
  if (!request.default_version)
    return ec2_failure("MissingParameter", "The request must contain the parameter SetDefaultVersion");
  changed.default_version =
      TRY(control::find_version(context.transaction, changed, *request.default_version))->number;
  ModifyLaunchTemplateResult result;
  result.launch_template = describe(context.transaction.region(), changed);
  context.transaction.put(std::move(changed));
  return result;
}

Result<DeleteLaunchTemplateResult> delete_launch_template(CallContext& context,
                                                          const DeleteLaunchTemplateRequest& request) {
  const LaunchTemplateRecord& launch_template = *TRY(named_launch_template(context, request));
  DeleteLaunchTemplateResult result;
  result.launch_template = describe(context.transaction.region(), launch_template);
  control::delete_launch_template(context.transaction, LaunchTemplateId(launch_template.id));
  return result;
}

Result<GetLaunchTemplateDataResult> get_launch_template_data(CallContext& context,
                                                             const GetLaunchTemplateDataRequest& request) {
  const auto id = TRY(parse_id<InstanceId>(*request.instance_id));
  const auto& instance = *TRY(find_record<control::InstanceRecord>(context.transaction, id));
  GetLaunchTemplateDataResult result;
  result.launch_template_data = launch_template_data_of(context.transaction.region(), instance);
  return result;
}

}  // namespace

void add_launch_template_operations(OperationTable& table) {
  table.add<operations::CreateLaunchTemplate>(create_launch_template, OperationKind::kChange);
  table.add<operations::DescribeLaunchTemplates>(describe_launch_templates, OperationKind::kRead);
  table.add<operations::ModifyLaunchTemplate>(modify_launch_template, OperationKind::kChange);
  table.add<operations::DeleteLaunchTemplate>(delete_launch_template, OperationKind::kChange);
  table.add<operations::GetLaunchTemplateData>(get_launch_template_data, OperationKind::kRead);
}

}  // namespace enid::api::ec2
