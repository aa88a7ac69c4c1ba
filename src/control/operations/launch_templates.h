// What calls do to launch templates and their versions.
//
// Theory of operation
//   A template is a name and a row of versions, numbered from 1; a number is never given twice. One of
//   them is the default. A version never changes: to change a template is to add a version to it.
//   What a version says of instances is JSON that only the API reads.
//
// Sources: EC2 User Guide, "Store instance launch parameters in Amazon EC2 launch templates"; EC2 API
// Reference, "Error codes".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/transaction.h"

namespace enid::control {

// Documented: "Amazon EC2 launch template quotas".
constexpr std::size_t kLaunchTemplatesPerRegion = 5'000;
constexpr std::size_t kVersionsPerLaunchTemplate = 10'000;

// "lt-0a1b…/0000000012"
std::string launch_template_version_id(const LaunchTemplateId& id, std::int32_t number);

Result<const LaunchTemplateRecord*> find_launch_template(const Transaction& transaction,
                                                         const LaunchTemplateId& id);
Result<const LaunchTemplateRecord*> find_launch_template(const Transaction& transaction,
                                                         const std::string& name);

// All there are, lowest number first.
std::vector<const LaunchTemplateVersionRecord*> versions_of(const RegionModel& region,
                                                            const LaunchTemplateId& id);
// The highest number that is there; zero: no such template.
std::int32_t latest_version(const RegionModel& region, const LaunchTemplateId& id);
// The number that "$Default", "$Latest" or "12" means for the template; it need not be there. Zero: text
// that means none.
std::int32_t version_number(const RegionModel& region, const LaunchTemplateRecord& launch_template,
                            std::string_view version);
Result<const LaunchTemplateVersionRecord*> find_version(const Transaction& transaction,
                                                        const LaunchTemplateRecord& launch_template,
                                                        std::string_view version);

struct NewLaunchTemplateVersion {
  std::string description;
  std::string created_by;
  std::string data;
};

// With its first version, which is its default.
Result<LaunchTemplateId> create_launch_template(Transaction& transaction, const std::string& name, Tags tags,
                                                const NewLaunchTemplateVersion& what);
Result<const LaunchTemplateVersionRecord*> create_launch_template_version(
    Transaction& transaction, const LaunchTemplateId& id, const NewLaunchTemplateVersion& what);
// With all its versions.
void delete_launch_template(Transaction& transaction, const LaunchTemplateId& id);

}  // namespace enid::control
