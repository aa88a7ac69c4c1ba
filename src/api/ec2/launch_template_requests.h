// How calls name launch templates, and what of them is told in answers.
#pragma once

#include <optional>
#include <string>

#include "api/ec2/arn.h"
#include "api/ec2/ids.h"
#include "api/generated/ec2_types.h"
#include "api/handler.h"
#include "control/operations/launch_templates.h"

namespace enid::api::ec2 {

// By its id or by its name, never both.
Result<const control::LaunchTemplateRecord*> named_launch_template(const CallContext& context,
                                                                   const std::optional<std::string>& id,
                                                                   const std::optional<std::string>& name);

template <class Request>
Result<const control::LaunchTemplateRecord*> named_launch_template(const CallContext& context,
                                                                   const Request& request) {
  return named_launch_template(context, request.launch_template_id, request.launch_template_name);
}

// The version that a launch says; the default one when it says none.
Result<const control::LaunchTemplateVersionRecord*> named_version(const CallContext& context,
                                                                  const LaunchTemplateSpecification& named);

// Who calls: enid knows the account's root user only.
inline std::string caller_arn(const CallContext& context) {
  return fmt::format("arn:{}:iam::{}:root", partition_of(context.region), context.account_id);
}

LaunchTemplate describe(const control::RegionModel& region,
                        const control::LaunchTemplateRecord& launch_template);

}  // namespace enid::api::ec2
