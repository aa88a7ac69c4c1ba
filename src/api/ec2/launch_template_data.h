// What a version of a launch template says of instances: kept as JSON, told again, and laid under a launch.
//
// Theory of operation
//   The data of a version is kept under the names of the service model, all of it, whether enid has a
//   use for it or not. RunInstances knows the same parameters under the same names: a launch is the
//   template's data with the call's own parameters over it, and runs as if it had said them all.
//
//   Documented: EC2 API Reference, RunInstances, LaunchTemplate: parameters of the call overwrite the
//   template's. Chosen: structures (Placement, MetadataOptions) are overwritten member by member; lists as
//   a whole, but network interfaces by network card and device index, block devices by name, tags by
//   resource type and key.
#pragma once

#include <string>

#include "api/generated/ec2_types.h"
#include "api/handler.h"
#include "control/operations/launch_templates.h"

namespace enid::api::ec2 {

Result<void> check_launch_template_data(const RequestLaunchTemplateData& data);

// As a version keeps it.
std::string launch_template_data(const RequestLaunchTemplateData& data);
// The same over the data of another version, whose parameters it overwrites one by one.
std::string launch_template_data(const RequestLaunchTemplateData& data, const std::string& source);

ResponseLaunchTemplateData describe_launch_template_data(const std::string& data);

// The launch with the template's parameters under its own.
Result<RunInstancesRequest> with_launch_template(const RunInstancesRequest& request, const std::string& data);

// What an instance was launched with, as a template would say it.
ResponseLaunchTemplateData launch_template_data_of(const control::RegionModel& region,
                                                   const control::InstanceRecord& instance);

}  // namespace enid::api::ec2
