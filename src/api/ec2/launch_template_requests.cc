#include "api/ec2/launch_template_requests.h"

#include "api/tag_specifications.h"

namespace enid::api::ec2 {

using control::LaunchTemplateRecord;
using vpc::ec2_failure;

// Chosen: both codes.
Result<const LaunchTemplateRecord*> named_launch_template(const CallContext& context,
                                                          const std::optional<std::string>& id,
                                                          const std::optional<std::string>& name) {
  if (id && name)
    return ec2_failure(
        "InvalidParameterCombination",
        "Either a launch template ID or a launch template name can be specified, but not both.");
  if (id) return control::find_launch_template(context.transaction, TRY(parse_id<LaunchTemplateId>(*id)));
  if (name) return control::find_launch_template(context.transaction, *name);
  return ec2_failure("MissingParameter",
                     "Either a launch template ID or a launch template name must be specified.");
}

Result<const control::LaunchTemplateVersionRecord*> named_version(const CallContext& context,
                                                                  const LaunchTemplateSpecification& named) {
  return control::find_version(context.transaction, *TRY(named_launch_template(context, named)),
                               named.version.value_or("$Default"));
}

LaunchTemplate describe(const control::RegionModel& region, const LaunchTemplateRecord& launch_template) {
  LaunchTemplate shape;
  shape.launch_template_id = launch_template.id.text();
  shape.launch_template_name = launch_template.name;
  shape.create_time = launch_template.create_time;
  shape.created_by = launch_template.created_by;
  shape.default_version_number = launch_template.default_version;
  shape.latest_version_number = control::latest_version(region, launch_template.id);
  shape.tags = to_tag_list(launch_template.tags);
  shape.operator_ = OperatorResponse{.managed = false};
  return shape;
}

}  // namespace enid::api::ec2
