#include "api/ec2/ids.h"

#include <fmt/format.h>

#include <map>

#include "base/check.h"

namespace enid::api::ec2 {
namespace {

// Observed: the messages for interfaces, allocations and CIDR associations, and the codes that
// Terraform's provider reads. Chosen: the other messages, after their pattern.
const std::map<std::string_view, IdWords> kWords{
    {"vpc", {"", "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"}},
    {"subnet", {"", "InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"}},
    {"eni",
     {"InvalidNetworkInterfaceId.Malformed", "InvalidNetworkInterfaceID.NotFound",
      "The networkInterface ID '{}' does not exist"}},
    {"eni-attach",
     {"InvalidNetworkInterfaceAttachmentId.Malformed", "InvalidAttachmentID.NotFound",
      "The networkInterface attachment ID '{}' does not exist"}},
    {"eni-perm",
     {"", "InvalidPermissionID.NotFound", "The networkInterface permission ID '{}' does not exist"}},
    {"i",
     {"InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound", "The instance ID '{}' does not exist"}},
    {"r",
     {"InvalidReservationID.Malformed", "InvalidReservationID.NotFound",
      "The reservation ID '{}' does not exist"}},
    {"sg", {"InvalidGroupId.Malformed", "InvalidGroup.NotFound", "The security group '{}' does not exist"}},
    {"sgr",
     {"InvalidSecurityGroupRuleId.Malformed", "InvalidSecurityGroupRuleId.NotFound",
      "The security group rule ID '{}' does not exist"}},
    {"rtb",
     {"InvalidRouteTableId.Malformed", "InvalidRouteTableID.NotFound",
      "The routeTable ID '{}' does not exist"}},
    {"rtbassoc", {"", "InvalidAssociationID.NotFound", "The association ID '{}' does not exist"}},
    {"acl", {"", "InvalidNetworkAclID.NotFound", "The networkAcl ID '{}' does not exist"}},
    {"aclassoc", {"", "InvalidAssociationID.NotFound", "The association ID '{}' does not exist"}},
    {"key", {"", "InvalidKeyPair.NotFound", "The key pair '{}' does not exist"}},
    {"ami", {"InvalidAMIID.Malformed", "InvalidAMIID.NotFound", "The image id '[{}]' does not exist"}},
    {"dopt",
     {"InvalidDhcpOptionsId.Malformed", "InvalidDhcpOptionID.NotFound",
      "The dhcpOption ID '{}' does not exist"}},
    {"vpc-cidr-assoc",
     {"", "InvalidVpcCidrBlockAssociationID.NotFound",
      "The vpc CIDR block association ID '{}' does not exist"}},
    {"vol", {"", "InvalidVolume.NotFound", "The volume '{}' does not exist."}},
    {"igw", {"", "InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist"}},
    {"eigw",
     {"", "InvalidEgressOnlyInternetGatewayId.NotFound",
      "The egressOnlyInternetGateway ID '{}' does not exist"}},
    {"nat", {"", "NatGatewayNotFound", "NAT gateway {} was not found"}},
    {"eipalloc", {"", "InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"}},
    {"pcx",
     {"", "InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '{}' does not exist"}},
    {"vpce", {"", "InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{}' does not exist"}},
    {"pl", {"", "InvalidPrefixListID.NotFound", "The prefix list ID '{}' does not exist"}},
    {"pg", {"", "InvalidPlacementGroup.Unknown", "The Placement Group '{}' is unknown."}},
    {"fl", {"", "InvalidFlowLogId.NotFound", "The flow log ID '{}' does not exist"}},
    {"lt",
     {"InvalidLaunchTemplateId.Malformed", "InvalidLaunchTemplateId.NotFound",
      "The specified launch template, with template ID {}, does not exist."}},
    {"iip-assoc", {"", "InvalidAssociationID.NotFound", "The association ID '{}' does not exist"}},
};

}  // namespace

const IdWords* id_words(std::string_view prefix) {
  const auto found = kWords.find(prefix);
  return found == kWords.end() ? nullptr : &found->second;
}

Error malformed_id(std::string_view prefix, std::string_view text) {
  const IdWords* words = id_words(prefix);
  CHECK(words != nullptr);
  if (words->malformed_code.empty()) return id_not_found(prefix, text);
  return vpc::ec2_error(words->malformed_code,
                        fmt::format("Invalid id: \"{}\" (expecting \"{}-...\")", text, prefix));
}

Error id_not_found(std::string_view prefix, std::string_view text) {
  const IdWords* words = id_words(prefix);
  CHECK(words != nullptr);
  return vpc::ec2_error(words->not_found_code, fmt::format(fmt::runtime(words->not_found_message), text));
}

}  // namespace enid::api::ec2
