// What instances have besides interfaces, told from their records: a root volume, an instance
// profile, CPU credits.
//
// There are no block devices: the volume is a row in DescribeVolumes that lives as long as its
// instance, because EC2 shows one and tools look for it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/ec2/arn.h"
#include "api/ec2/ids.h"
#include "api/ec2/instance_shapes.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using control::InstanceRecord;
using control::InstanceState;
using vpc::ec2_failure;

// Chosen: the volume of Amazon Linux 2023's images.
constexpr std::int32_t kVolumeGib = 8;
constexpr std::int32_t kVolumeIops = 3000;
constexpr std::int32_t kVolumeThroughput = 125;

// Documented: EC2 User Guide, "Burstable performance instances": T2 is standard unless told
// otherwise, its successors are unlimited.
constexpr std::array<std::string_view, 4> kBurstableFamilies{"t2.", "t3.", "t3a.", "t4g."};

bool is_burstable(const InstanceRecord& instance) {
  return std::ranges::any_of(kBurstableFamilies, [&](std::string_view family) {
    return instance.instance_type.starts_with(family);
  });
}

std::string cpu_credits(const InstanceRecord& instance) {
  if (!instance.cpu_credits.empty()) return instance.cpu_credits;
  return instance.instance_type.starts_with("t2.") ? "standard" : "unlimited";
}

Volume describe_root_volume(const CallContext& context, const InstanceRecord& instance) {
  VolumeAttachment attachment;
  attachment.attach_time = instance.launch_time;
  attachment.delete_on_termination = true;
  attachment.device = std::string(kRootDeviceName);
  attachment.instance_id = instance.id.text();
  attachment.state = "attached";
  attachment.volume_id = instance.root_volume.text();

  Volume shape;
  shape.attachments.push_back(std::move(attachment));
  shape.availability_zone = instance.availability_zone;
  if (const auto* subnet = context.transaction.find<control::SubnetRecord>(instance.subnet))
    shape.availability_zone_id = subnet->availability_zone_id;
  shape.create_time = instance.launch_time;
  shape.encrypted = false;
  shape.iops = kVolumeIops;
  shape.multi_attach_enabled = false;
  shape.operator_ = OperatorResponse{.managed = false, .principal = {}, .hidden_by_default = {}};
  shape.size = kVolumeGib;
  shape.snapshot_id = "";
  shape.state = "in-use";
  shape.tags = to_tag_list(instance.root_volume_tags);
  shape.throughput = kVolumeThroughput;
  shape.volume_id = instance.root_volume.text();
  shape.volume_type = "gp3";
  return shape;
}

void filter_values(const Volume& volume, std::string_view name, FilterValues& values) {
  for (const VolumeAttachment& attachment : volume.attachments) {
    if (name == "attachment.attach-time") values.add(attachment.attach_time);
    if (name == "attachment.delete-on-termination") values.add(attachment.delete_on_termination);
    if (name == "attachment.device") values.add(attachment.device);
    if (name == "attachment.instance-id") values.add(attachment.instance_id);
    if (name == "attachment.status") values.add(attachment.state);
  }
  if (name == "availability-zone") values.add(volume.availability_zone);
  if (name == "availability-zone-id") values.add(volume.availability_zone_id);
  if (name == "create-time") values.add(volume.create_time);
  if (name == "encrypted") values.add(volume.encrypted);
  if (name == "fast-restored") values.add(false);
  if (name == "multi-attach-enabled") values.add(volume.multi_attach_enabled);
  if (name == "operator.managed") values.add(false);
  if (name == "size") values.add(volume.size);
  if (name == "snapshot-id") values.add(volume.snapshot_id);
  if (name == "status") values.add(volume.state);
  if (name == "volume-id") values.add(volume.volume_id);
  if (name == "volume-type") values.add(volume.volume_type);
}

Result<DescribeVolumesResult> describe_volumes(CallContext& context, const DescribeVolumesRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeVolumes", request.filters));
  std::set<std::string> asked(request.volume_ids.begin(), request.volume_ids.end());
  std::vector<Volume> found;
  for (const auto& [id, instance] : context.transaction.table<InstanceRecord>()) {
    if (instance.state == InstanceState::kTerminated) continue;
    if (!request.volume_ids.empty() && asked.erase(instance.root_volume.text()) == 0) continue;
    Volume volume = describe_root_volume(context, instance);
    const auto values = [&](std::string_view name, FilterValues& to) { filter_values(volume, name, to); };
    if (filters.match(values, instance.root_volume_tags)) found.push_back(std::move(volume));
  }
  if (!asked.empty()) return std::unexpected(id_not_found("vol", *asked.begin()));
  auto page = TRY(paginate(std::move(found), &Volume::volume_id, request));
  return DescribeVolumesResult{.next_token = std::move(page.next_token), .volumes = std::move(page.items)};
}

Result<DescribeInstanceCreditSpecificationsResult> describe_instance_credit_specifications(
    CallContext& context, const DescribeInstanceCreditSpecificationsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeInstanceCreditSpecifications", request.filters));
  std::vector<InstanceCreditSpecification> found;
  const InstanceRecord* not_burstable = nullptr;
  TRY(for_each_record<InstanceRecord>(
      context.transaction, request.instance_ids, [&](const InstanceRecord& instance) {
        if (!is_burstable(instance) && !request.instance_ids.empty()) not_burstable = &instance;
        if (!is_burstable(instance) || instance.state == InstanceState::kTerminated) return;
        // Documented: without ids or filters, only those with unlimited credits are told.
        if (request.instance_ids.empty() && filters.empty() && cpu_credits(instance) != "unlimited") return;
        const auto values = [&](std::string_view name, FilterValues& to) {
          if (name == "instance-id") to.add(instance.id.text());
        };
        if (!filters.match(values)) return;
        InstanceCreditSpecification& specification = found.emplace_back();
        specification.instance_id = instance.id.text();
        specification.cpu_credits = cpu_credits(instance);
      }));
  if (not_burstable != nullptr)
    return ec2_failure(
        "UnsupportedOperation",
        fmt::format("The instance '{}' is not a burstable performance instance.", not_burstable->id.text()));
  auto page = TRY(paginate(std::move(found), &InstanceCreditSpecification::instance_id, request));
  return DescribeInstanceCreditSpecificationsResult{.instance_credit_specifications = std::move(page.items),
                                                    .next_token = std::move(page.next_token)};
}

// Chosen: the association has its instance's digits, so that nothing need be remembered.
IamInstanceProfileAssociation describe_profile(const InstanceRecord& instance) {
  IamInstanceProfileAssociation shape;
  shape.association_id = "iip-assoc-" + instance.id.text().substr(InstanceIdKind::kPrefix.size() + 1);
  shape.instance_id = instance.id.text();
  shape.iam_instance_profile = IamInstanceProfile{.arn = instance.iam_instance_profile, .id = {}};
  shape.state = "associated";
  return shape;
}

Result<DescribeIamInstanceProfileAssociationsResult> describe_iam_instance_profile_associations(
    CallContext& context, const DescribeIamInstanceProfileAssociationsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeIamInstanceProfileAssociations", request.filters));
  std::set<std::string> asked(request.association_ids.begin(), request.association_ids.end());
  std::vector<IamInstanceProfileAssociation> found;
  for (const auto& [id, instance] : context.transaction.table<InstanceRecord>()) {
    if (instance.state == InstanceState::kTerminated || instance.iam_instance_profile.empty()) continue;
    IamInstanceProfileAssociation association = describe_profile(instance);
    if (!request.association_ids.empty() && asked.erase(*association.association_id) == 0) continue;
    const auto values = [&](std::string_view name, FilterValues& to) {
      if (name == "instance-id") to.add(association.instance_id);
      if (name == "state") to.add(association.state);
    };
    if (filters.match(values)) found.push_back(std::move(association));
  }
  if (!asked.empty()) return std::unexpected(id_not_found("iip-assoc", *asked.begin()));
  auto page = TRY(paginate(std::move(found), &IamInstanceProfileAssociation::association_id, request));
  return DescribeIamInstanceProfileAssociationsResult{
      .iam_instance_profile_associations = std::move(page.items), .next_token = std::move(page.next_token)};
}

}  // namespace

void add_instance_belonging_operations(OperationTable& table) {
  table.add<operations::DescribeVolumes>(describe_volumes, OperationKind::kRead);
  table.add<operations::DescribeInstanceCreditSpecifications>(describe_instance_credit_specifications,
                                                              OperationKind::kRead);
  table.add<operations::DescribeIamInstanceProfileAssociations>(describe_iam_instance_profile_associations,
                                                                OperationKind::kRead);
}

}  // namespace enid::api::ec2
