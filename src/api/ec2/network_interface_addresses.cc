// Secondary addresses and prefixes of network interfaces.
#include "api/ec2/ids.h"
#include "api/ec2/network_interface_requests.h"
#include "api/ec2/operations.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using vpc::ec2_failure;

Result<AssignPrivateIpAddressesResult> assign_private_ip_addresses(
    CallContext& context, const AssignPrivateIpAddressesRequest& request) {
  const auto id = TRY(parse_id<NetworkInterfaceId>(*request.network_interface_id));
  control::AddressRequest what;
  for (const std::string& text : request.private_ip_addresses)
    what.addresses.push_back(TRY(parse_address(text)));
  what.address_count = request.secondary_private_ip_address_count.value_or(0);
  if (what.address_count < 0)
    return ec2_failure("InvalidParameterValue", "invalid value for parameter secondaryPrivateIpAddressCount");
  if (!what.addresses.empty() && request.secondary_private_ip_address_count)
    return ec2_failure(
        "InvalidParameterCombination",
        "The parameters privateIpAddresses and secondaryPrivateIpAddressCount cannot be used together.");
  TRY(read_prefixes(request.ipv4_prefixes, request.ipv4_prefix_count, what));
  if (what.addresses.empty() && what.address_count == 0 && what.prefixes.empty() && what.prefix_count == 0)
    return ec2_failure(
        "MissingParameter",
        "Either privateIpAddresses, secondaryPrivateIpAddressCount, ipv4Prefixes or ipv4PrefixCount "
        "must be specified.");
  const control::AssignedAddresses assigned = TRY(control::assign_private_addresses(
      context.transaction, id, what, request.allow_reassignment.value_or(false)));
  AssignPrivateIpAddressesResult result;
  result.network_interface_id = id.text();
  for (const Ipv4Address address : assigned.addresses)
    result.assigned_private_ip_addresses.emplace_back().private_ip_address = address.text();
  for (const Ipv4Prefix& prefix : assigned.prefixes)
    result.assigned_ipv4_prefixes.emplace_back().ipv4_prefix = prefix.text();
  return result;
}

Result<operations::UnassignPrivateIpAddresses::Result> unassign_private_ip_addresses(
    CallContext& context, const UnassignPrivateIpAddressesRequest& request) {
  const auto id = TRY(parse_id<NetworkInterfaceId>(*request.network_interface_id));
  std::vector<Ipv4Address> addresses;
  for (const std::string& text : request.private_ip_addresses) addresses.push_back(TRY(parse_address(text)));
  std::vector<Ipv4Prefix> prefixes;
  for (const std::string& text : request.ipv4_prefixes) prefixes.push_back(TRY(parse_prefix(text)));
  if (addresses.empty() && prefixes.empty())
    return ec2_failure("MissingParameter", "Either privateIpAddresses or ipv4Prefixes must be specified.");
  TRY(control::unassign_private_addresses(context.transaction, id, addresses, prefixes));
  return {};
}

}  // namespace

void add_network_interface_address_operations(OperationTable& table) {
  table.add<operations::AssignPrivateIpAddresses>(assign_private_ip_addresses, OperationKind::kChange);
  table.add<operations::UnassignPrivateIpAddresses>(unassign_private_ip_addresses, OperationKind::kChange);
}

}  // namespace enid::api::ec2
