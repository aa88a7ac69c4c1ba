#include "control/operations/launch_templates.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "vpc/ec2_error.h"

namespace enid::control {

using vpc::ec2_failure;

namespace {

// Documented: EC2 API Reference, CreateLaunchTemplate: 3 to 128 characters of these.
bool is_name(std::string_view name) {
  return name.size() >= 3 && name.size() <= 128 && std::ranges::all_of(name, [](char letter) {
           return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                  (letter >= '0' && letter <= '9') ||
                  std::string_view("()./_-").find(letter) != std::string_view::npos;
         });
}

const LaunchTemplateRecord* named(const RegionModel& region, std::string_view name) {
  for (const auto& [id, launch_template] : region.table<LaunchTemplateRecord>())
    if (launch_template.name == name) return &launch_template;
  return nullptr;
}

}  // namespace

std::string launch_template_version_id(const LaunchTemplateId& id, std::int32_t number) {
  return fmt::format("{}/{:010}", id.text(), number);
}

// Observed: codes and texts of what does not exist (Terraform's AWS provider waits for the codes).
Result<const LaunchTemplateRecord*> find_launch_template(const Transaction& transaction,
                                                         const LaunchTemplateId& id) {
  if (const auto* found = transaction.find<LaunchTemplateRecord>(id)) return found;
  return ec2_failure(
      "InvalidLaunchTemplateId.NotFound",
      fmt::format("The specified launch template, with template ID {}, does not exist.", id.text()));
}

Result<const LaunchTemplateRecord*> find_launch_template(const Transaction& transaction,
                                                         const std::string& name) {
  if (const auto* found = named(transaction.region(), name)) return found;
  return ec2_failure(
      "InvalidLaunchTemplateName.NotFoundException",
      fmt::format("The specified launch template, with template name {}, does not exist.", name));
}

std::vector<const LaunchTemplateVersionRecord*> versions_of(const RegionModel& region,
                                                            const LaunchTemplateId& id) {
  const auto& table = region.table<LaunchTemplateVersionRecord>();
  std::vector<const LaunchTemplateVersionRecord*> versions;
  for (auto row = table.lower_bound(launch_template_version_id(id, 0));
       row != table.end() && row->second.launch_template == id; ++row)
    versions.push_back(&row->second);
  return versions;
}

std::int32_t latest_version(const RegionModel& region, const LaunchTemplateId& id) {
  const auto& table = region.table<LaunchTemplateVersionRecord>();
  const auto after = table.lower_bound(launch_template_version_id(id, INT32_MAX));
  if (after == table.begin()) return 0;
  const LaunchTemplateVersionRecord& last = std::prev(after)->second;
  return last.launch_template == id ? last.number : 0;
}

std::int32_t version_number(const RegionModel& region, const LaunchTemplateRecord& launch_template,
                            std::string_view version) {
  if (version == "$Default") return launch_template.default_version;
  if (version == "$Latest") return latest_version(region, launch_template.id);
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
  return error == std::errc() && end == version.data() + version.size() && number > 0 ? number : 0;
}

Result<const LaunchTemplateVersionRecord*> find_version(const Transaction& transaction,
                                                        const LaunchTemplateRecord& launch_template,
                                                        std::string_view version) {
  const std::int32_t number = version_number(transaction.region(), launch_template, version);
  if (const auto* found = transaction.find<LaunchTemplateVersionRecord>(
          launch_template_version_id(launch_template.id, number)))
    return found;
  return ec2_failure(
      "InvalidLaunchTemplateId.VersionNotFound",
      fmt::format("Could not find the specified version {} for the launch template with ID {}.", version,
                  launch_template.id.text()));
}

Result<LaunchTemplateId> create_launch_template(Transaction& transaction, const std::string& name, Tags tags,
                                                const NewLaunchTemplateVersion& what) {
  if (!is_name(name))
    return ec2_failure(
        "InvalidLaunchTemplateName.MalformedException",
        "A launch template name must be between 3 and 128 characters, and may contain letters, "
        "numbers, and the following characters: - ( ) . / _.");
  if (named(transaction.region(), name) != nullptr)
    return ec2_failure("InvalidLaunchTemplateName.AlreadyExistsException",
                       "Launch template name already in use.");
  // Chosen: the codes of both limits.
  if (transaction.table<LaunchTemplateRecord>().size() >= kLaunchTemplatesPerRegion)
    return ec2_failure("LaunchTemplateLimitExceeded",
                       "The maximum number of launch templates in the Region has been reached.");
  LaunchTemplateRecord launch_template;
  launch_template.id = transaction.make_id<LaunchTemplateId>();
  launch_template.name = name;
  launch_template.create_time = transaction.now();
  launch_template.created_by = what.created_by;
  launch_template.tags = std::move(tags);
  const LaunchTemplateId id = launch_template.id;
  transaction.put(std::move(launch_template));
  TRY(create_launch_template_version(transaction, id, what));
  return id;
}

Result<const LaunchTemplateVersionRecord*> create_launch_template_version(
    Transaction& transaction, const LaunchTemplateId& id, const NewLaunchTemplateVersion& what) {
  LaunchTemplateRecord launch_template = *TRY(find_launch_template(transaction, id));
  if (versions_of(transaction.region(), id).size() >= kVersionsPerLaunchTemplate ||
      launch_template.last_version == INT32_MAX - 1)
    return ec2_failure("LaunchTemplateVersionLimitExceeded",
                       "The maximum number of versions of the launch template has been reached.");
  LaunchTemplateVersionRecord version;
  version.number = ++launch_template.last_version;
  version.id = launch_template_version_id(id, version.number);
  version.launch_template = id;
  version.description = what.description;
  version.create_time = transaction.now();
  version.created_by = what.created_by;
  version.data = what.data;
  const std::string version_id = version.id;
  transaction.put(std::move(launch_template));
  transaction.put(std::move(version));
  return transaction.find<LaunchTemplateVersionRecord>(version_id);
}

void delete_launch_template(Transaction& transaction, const LaunchTemplateId& id) {
  std::vector<std::string> versions;
  for (const LaunchTemplateVersionRecord* version : versions_of(transaction.region(), id))
    versions.push_back(version->id);
  for (const std::string& version : versions) transaction.erase<LaunchTemplateVersionRecord>(version);
  transaction.erase<LaunchTemplateRecord>(id);
}

}  // namespace enid::control
