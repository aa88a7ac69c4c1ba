#include "control/instance_metadata.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/card_programs.h"
#include "vpc/instance_types.h"

namespace enid::control {
namespace {

class Leaves {
 public:
  void add(const std::string& path, std::string text) {
    if (!text.empty()) leaves_["meta-data/" + path] = std::move(text);
  }
  void add_raw(const std::string& path, std::string text) { leaves_[path] = std::move(text); }
  std::map<std::string, std::string> take() { return std::move(leaves_); }

 private:
  std::map<std::string, std::string> leaves_;
};

std::string lines(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : "\n") + value;
  return text;
}

template <class Values>
std::string texts(const Values& values) {
  std::vector<std::string> all;
  for (const auto& value : values) all.push_back(value.text());
  return lines(all);
}

std::string group_names(const RegionModel& region, const NetworkInterfaceRecord& interface) {
  std::vector<std::string> names;
  for (const SecurityGroupId& id : interface.groups)
    if (const auto* group = region.find<SecurityGroupRecord>(id)) names.push_back(group->name);
  return lines(names);
}

std::string cidr_blocks(const VpcRecord& vpc) {
  std::vector<std::string> blocks;
  for (const CidrAssociation& association : vpc.cidr_blocks) blocks.push_back(association.cidr_block.text());
  return lines(blocks);
}

bool has_several_network_cards(const RegionModel& region, const Attachment& attachment) {
  const InstanceRecord* instance = region.find<InstanceRecord>(attachment.instance);
  const vpc::InstanceType* type =
      instance == nullptr ? nullptr : vpc::find_instance_type(instance->instance_type);
  return type != nullptr && type->network_cards > 1;
}

void add_interface(Leaves& leaves, const std::string& account, const RegionModel& region,
                   const NetworkInterfaceRecord& interface) {
  const std::string at = "network/interfaces/macs/" + interface.mac.text() + "/";
  leaves.add(at + "device-number", fmt::to_string(interface.attachment->device_index));
  // Observed: absent on types with one network card (github.com/amazonlinux/amazon-ec2-net-utils/issues/104).
  if (has_several_network_cards(region, *interface.attachment)) {
    const std::string index = fmt::to_string(interface.attachment->network_card_index);
    leaves.add(at + "network-card-index", index);
    leaves.add(at + "network-card", index);  // The key that amazon-vpc-cni-k8s reads.
  }
  leaves.add(at + "interface-id", interface.id.text());
  leaves.add(at + "mac", interface.mac.text());
  leaves.add(at + "owner-id", account);
  if (!interface.addresses.empty()) {
    leaves.add(at + "local-hostname",
               host_label(interface.addresses.front()) + "." + private_dns_domain(region.name()));
    leaves.add(at + "local-ipv4s", texts(interface.addresses));
  }
  leaves.add(at + "ipv4-prefix", texts(interface.prefixes));
  leaves.add(at + "security-groups", group_names(region, interface));
  leaves.add(at + "security-group-ids", texts(interface.groups));
  leaves.add(at + "subnet-id", interface.subnet.text());
  leaves.add(at + "vpc-id", interface.vpc.text());
  if (const auto* subnet = region.find<SubnetRecord>(interface.subnet))
    leaves.add(at + "subnet-ipv4-cidr-block", subnet->cidr_block.text());
  if (const auto* vpc = region.find<VpcRecord>(interface.vpc)) {
    leaves.add(at + "vpc-ipv4-cidr-block", vpc->cidr_blocks.front().cidr_block.text());
    leaves.add(at + "vpc-ipv4-cidr-blocks", cidr_blocks(*vpc));
  }
}

std::string iso_time(WallTime time) {
  const std::int64_t days = time.seconds_since_epoch() / 86400;
  const std::int64_t second = time.seconds_since_epoch() % 86400;
  // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
  const std::int64_t z = days + 719468;
  const std::int64_t era = z / 146097;
  const std::int64_t day_of_era = z - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, second / 3600,
                     second / 60 % 60, second % 60);
}

std::string identity_document(const std::string& account, const RegionModel& region,
                              const InstanceRecord& instance) {
  nlohmann::ordered_json document;
  document["accountId"] = account;
  document["architecture"] = "x86_64";
  document["availabilityZone"] = instance.availability_zone;
  document["billingProducts"] = nullptr;
  document["devpayProductCodes"] = nullptr;
  document["marketplaceProductCodes"] = nullptr;
  document["imageId"] = instance.image;
  document["instanceId"] = instance.id.text();
  document["instanceType"] = instance.instance_type;
  document["kernelId"] = nullptr;
  document["pendingTime"] = iso_time(instance.launch_time);
  document["privateIp"] = instance.private_address.text();
  document["ramdiskId"] = nullptr;
  document["region"] = region.name();
  document["version"] = "2017-09-30";
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void add_key(Leaves& leaves, const RegionModel& region, const InstanceRecord& instance) {
  const KeyPairRecord* key = instance.key_name.empty() ? nullptr : region.key_pair_named(instance.key_name);
  if (key == nullptr) return;
  leaves.add("public-keys/0/openssh-key", key->public_key);
  leaves.add("public-keys/", "0=" + key->name);  // The folder's listing names the keys.
}

}  // namespace

std::map<std::string, std::string> instance_metadata(const std::string& account, const RegionModel& region,
                                                     const InstanceRecord& instance) {
  Leaves leaves;
  const std::string hostname = host_label(instance.private_address) + "." + private_dns_domain(region.name());
  leaves.add("ami-id", instance.image);
  leaves.add("ami-launch-index", fmt::to_string(instance.launch_index));
  leaves.add("ami-manifest-path", "(unknown)");
  leaves.add("hostname", hostname);
  leaves.add("local-hostname", hostname);
  leaves.add("instance-action", "none");
  leaves.add("instance-id", instance.id.text());
  leaves.add("instance-life-cycle", "on-demand");
  leaves.add("instance-type", instance.instance_type);
  leaves.add("profile", "default-hvm");
  leaves.add("reservation-id", instance.reservation.text());
  leaves.add("services/domain", "amazonaws.com");
  leaves.add("services/partition", "aws");
  leaves.add("placement/availability-zone", instance.availability_zone);
  if (const auto* subnet = region.find<SubnetRecord>(instance.subnet))
    leaves.add("placement/availability-zone-id", subnet->availability_zone_id);
  leaves.add("placement/region", region.name());
  leaves.add("placement/group-name", instance.placement_group);
  leaves.add("system", "nitro");
  add_key(leaves, region, instance);
  for (const NetworkInterfaceRecord* interface : region.interfaces_of(instance.id)) {
    if (interface->attachment->status == AttachmentStatus::kDetaching) continue;
    if (interface->attachment->device_index == 0 && interface->attachment->network_card_index == 0) {
      leaves.add("mac", interface->mac.text());
      if (!interface->addresses.empty()) leaves.add("local-ipv4", interface->addresses.front().text());
      leaves.add("security-groups", group_names(region, *interface));
    }
    add_interface(leaves, account, region, *interface);
  }
  if (instance.metadata_options.instance_metadata_tags)
    for (const auto& [key, value] : instance.tags) leaves.add_raw("meta-data/tags/instance/" + key, value);
  leaves.add_raw("dynamic/instance-identity/document", identity_document(account, region, instance));
  if (!instance.user_data.empty()) leaves.add_raw("user-data", instance.user_data);
  return leaves.take();
}

}  // namespace enid::control
