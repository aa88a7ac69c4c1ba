// Records as the store keeps them: JSON objects, keys below "ec2/<region>/".
//
//   A field that is missing keeps its default, so that records of an earlier version load;
//   a field that nobody knows is ignored.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "control/records.h"

namespace enid::control {

class RegionModel;

template <class Record>
constexpr std::string_view kRecordFolder = {};
template <>
inline constexpr std::string_view kRecordFolder<VpcRecord> = "vpc";
template <>
inline constexpr std::string_view kRecordFolder<SubnetRecord> = "subnet";
template <>
inline constexpr std::string_view kRecordFolder<SecurityGroupRecord> = "security-group";
template <>
inline constexpr std::string_view kRecordFolder<NetworkInterfaceRecord> = "network-interface";
template <>
inline constexpr std::string_view kRecordFolder<NetworkInterfacePermissionRecord> =
    "network-interface-permission";
template <>
inline constexpr std::string_view kRecordFolder<InstanceRecord> = "instance";
template <>
inline constexpr std::string_view kRecordFolder<PlacementGroupRecord> = "placement-group";
template <>
inline constexpr std::string_view kRecordFolder<KeyPairRecord> = "key-pair";
template <>
inline constexpr std::string_view kRecordFolder<LaunchTemplateRecord> = "launch-template";
template <>
inline constexpr std::string_view kRecordFolder<LaunchTemplateVersionRecord> = "launch-template-version";
template <>
inline constexpr std::string_view kRecordFolder<RouteTableRecord> = "route-table";
template <>
inline constexpr std::string_view kRecordFolder<NetworkAclRecord> = "network-acl";
template <>
inline constexpr std::string_view kRecordFolder<DhcpOptionsRecord> = "dhcp-options";
template <>
inline constexpr std::string_view kRecordFolder<ClientTokenRecord> = "client-token";

constexpr std::string_view kRegionsPrefix = "ec2/";

inline const std::string& id_text(const std::string& id) { return id; }
template <class Kind>
const std::string& id_text(const ResourceId<Kind>& id) {
  return id.text();
}

// "ec2/us-east-1/subnet/subnet-0a1b…"
template <class Record>
std::string record_key(const std::string& region, const typename Record::Id& id) {
  std::string key(kRegionsPrefix);
  key += region;
  key += '/';
  key += kRecordFolder<Record>;
  key += '/';
  key += id_text(id);
  return key;
}

template <class Record>
std::string to_json(const Record& record);
template <class Record>
Result<Record> from_json(std::string_view text);

// Puts the record that `key` (without "ec2/<region>/") and `value` describe into the model.
Result<void> load_record(RegionModel& region, std::string_view folder_and_id, std::string_view value);

}  // namespace enid::control
