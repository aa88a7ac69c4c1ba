// The tree of facts that an instance reads at 169.254.169.254.
//
// Documented: EC2 User Guide, "Instance metadata categories" and "Dynamic data categories".
#pragma once

#include <map>
#include <string>

#include "control/region_model.h"

namespace enid::control {

// Leaf path below /latest/ -> text. What has no value has no path: it is answered 404.
std::map<std::string, std::string> instance_metadata(const std::string& account, const RegionModel& region,
                                                     const InstanceRecord& instance);

}  // namespace enid::control
