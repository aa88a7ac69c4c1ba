#include "api/ec2/ids.h"

#include <fmt/format.h>

#include <map>

#include "base/check.h"

namespace enid::api::ec2 {
namespace {

const std::map<std::string_view, IdWords> kWords{
    {"vpc", {"vpc ID", "", "InvalidVpcID.NotFound"}},
    {"subnet", {"subnet ID", "", "InvalidSubnetID.NotFound"}},
    {"eni",
     {"networkInterface ID", "InvalidNetworkInterfaceId.Malformed", "InvalidNetworkInterfaceID.NotFound"}},
    {"eni-attach",
     {"networkInterface attachment ID", "InvalidNetworkInterfaceAttachmentId.Malformed",
      "InvalidAttachmentID.NotFound"}},
    {"eni-perm", {"networkInterface permission ID", "", "InvalidPermissionID.NotFound"}},
    {"i", {"instance ID", "InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound"}},
    {"r", {"reservation ID", "InvalidReservationID.Malformed", "InvalidReservationID.NotFound"}},
    {"sg", {"security group", "InvalidGroupId.Malformed", "InvalidGroup.NotFound"}},
    {"sgr",
     {"security group rule ID", "InvalidSecurityGroupRuleId.Malformed",
      "InvalidSecurityGroupRuleId.NotFound"}},
    {"rtb", {"routeTable ID", "InvalidRouteTableId.Malformed", "InvalidRouteTableID.NotFound"}},
    {"rtbassoc", {"association ID", "", "InvalidAssociationID.NotFound"}},
    {"acl", {"networkAcl ID", "", "InvalidNetworkAclID.NotFound"}},
    {"aclassoc", {"association ID", "", "InvalidAssociationID.NotFound"}},
    {"key", {"key pair ID", "", "InvalidKeyPair.NotFound"}},
    {"ami", {"image id", "InvalidAMIID.Malformed", "InvalidAMIID.NotFound"}},
    {"dopt", {"dhcpOption ID", "InvalidDhcpOptionsId.Malformed", "InvalidDhcpOptionID.NotFound"}},
    {"vpc-cidr-assoc", {"vpc CIDR block association ID", "", "InvalidVpcCidrBlockAssociationID.NotFound"}},
    {"vol", {"volume", "", "InvalidVolume.NotFound"}},
};

}  // namespace

const IdWords& id_words(std::string_view prefix) {
  const auto found = kWords.find(prefix);
  CHECK(found != kWords.end());
  return found->second;
}

Error malformed_id(std::string_view prefix, std::string_view text) {
  const IdWords& words = id_words(prefix);
  if (words.malformed_code.empty()) return id_not_found(prefix, text);
  return vpc::ec2_error(words.malformed_code,
                        fmt::format("Invalid id: \"{}\" (expecting \"{}-...\")", text, prefix));
}

Error id_not_found(std::string_view prefix, std::string_view text) {
  const IdWords& words = id_words(prefix);
  // Observed: volumes' message ends with a full stop, the others' do not.
  return vpc::ec2_error(words.not_found_code, fmt::format("The {} '{}' does not exist{}", words.noun, text,
                                                          prefix == "vol" ? "." : ""));
}

}  // namespace enid::api::ec2
