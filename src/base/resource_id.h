// Resource ids: EC2's own form, a prefix, a dash and 17 hexadecimal digits ("eni-0a1b…").
//
//   Each kind of resource has its own type, so that a subnet's id cannot stand where an
//   interface's is meant. parse() accepts the 8-digit ids of old resources too, as EC2 does.
#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace enid {

// True for `prefix` + "-" + 8 or 17 lower-case hexadecimal digits.
bool is_resource_id(std::string_view text, std::string_view prefix);
std::string make_resource_id(std::string_view prefix, Random& random);

template <class Kind>
class ResourceId {
 public:
  ResourceId() = default;

  static std::optional<ResourceId> parse(std::string_view text) {
    if (!is_resource_id(text, Kind::kPrefix)) return std::nullopt;
    return ResourceId(std::string(text));
  }
  static ResourceId make(Random& random) { return ResourceId(make_resource_id(Kind::kPrefix, random)); }
  // For text that is already known to be an id: our own store and programs.
  static ResourceId trusted(std::string text) { return ResourceId(std::move(text)); }

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const ResourceId&) const = default;

 private:
  explicit ResourceId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

#define ENID_RESOURCE_ID(Name, prefix)                  \
  struct Name##Kind {                                   \
    static constexpr std::string_view kPrefix = prefix; \
  };                                                    \
  using Name = ResourceId<Name##Kind>

ENID_RESOURCE_ID(VpcId, "vpc");
ENID_RESOURCE_ID(SubnetId, "subnet");
ENID_RESOURCE_ID(NetworkInterfaceId, "eni");
ENID_RESOURCE_ID(AttachmentId, "eni-attach");
ENID_RESOURCE_ID(InstanceId, "i");
ENID_RESOURCE_ID(ReservationId, "r");
ENID_RESOURCE_ID(SecurityGroupId, "sg");
ENID_RESOURCE_ID(SecurityGroupRuleId, "sgr");
ENID_RESOURCE_ID(RouteTableId, "rtb");
ENID_RESOURCE_ID(RouteTableAssociationId, "rtbassoc");
ENID_RESOURCE_ID(NetworkAclId, "acl");
ENID_RESOURCE_ID(NetworkAclAssociationId, "aclassoc");
ENID_RESOURCE_ID(KeyPairId, "key");
ENID_RESOURCE_ID(ImageId, "ami");
ENID_RESOURCE_ID(DhcpOptionsId, "dopt");
ENID_RESOURCE_ID(VpcCidrAssociationId, "vpc-cidr-assoc");
ENID_RESOURCE_ID(VolumeId, "vol");
ENID_RESOURCE_ID(LaunchTemplateId, "lt");
ENID_RESOURCE_ID(HostId, "host");  // Ours: a machine with a card. Operators may choose other texts.
ENID_RESOURCE_ID(PlacementGroupId, "pg");
ENID_RESOURCE_ID(NetworkInterfacePermissionId, "eni-perm");

#undef ENID_RESOURCE_ID

}  // namespace enid

template <class Kind>
struct std::hash<enid::ResourceId<Kind>> {
  std::size_t operator()(const enid::ResourceId<Kind>& id) const noexcept {
    return std::hash<std::string>{}(id.text());
  }
};
