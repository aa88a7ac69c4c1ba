// What CreateNetworkInterface, RunInstances and the address calls say in the same words, read
// once: addresses, groups, timeouts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/generated/ec2_types.h"
#include "base/result.h"
#include "control/operations/network_interfaces.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {

Result<Ipv4Address> parse_address(const std::string& text);
Result<Ipv4Prefix> parse_prefix(const std::string& text);
Result<std::vector<SecurityGroupId>> group_ids(const std::vector<std::string>& texts);
Result<std::string> interface_type(const std::optional<std::string>& type);

// The primary address, from PrivateIpAddress or the entry with Primary, and all others.
Result<void> read_addresses(const std::optional<std::string>& address,
                            const std::vector<PrivateIpAddressSpecification>& addresses,
                            std::optional<std::int32_t> secondary_count, control::NewNetworkInterface& to);
Result<void> read_prefixes(const std::vector<std::string>& prefixes, std::optional<std::int32_t> count,
                           control::AddressRequest& to);

template <class Request>
Result<void> fill_addresses(const Request& request, control::NewNetworkInterface& to) {
  TRY(read_addresses(request.private_ip_address, request.private_ip_addresses,
                     request.secondary_private_ip_address_count, to));
  std::vector<std::string> prefixes;
  for (const auto& prefix : request.ipv4_prefixes) prefixes.push_back(prefix.ipv4_prefix.value_or(""));
  return read_prefixes(prefixes, request.ipv4_prefix_count, to.secondary);
}

// IPv6 in VPCs is not there yet; asking for it must not be taken in silence.
template <class Request>
Result<void> refuse_ipv6(const Request& request) {
  if (request.ipv6_addresses.empty() && request.ipv6_prefixes.empty() &&
      request.ipv6_address_count.value_or(0) == 0 && request.ipv6_prefix_count.value_or(0) == 0)
    return {};
  return vpc::ec2_failure("InvalidParameterCombination", "The subnet does not have an IPv6 CIDR block.");
}

// Documented: EC2 User Guide, "Idle connection tracking timeout": the bounds.
Result<void> check_timeouts(const ConnectionTrackingSpecificationRequest& timeouts);

template <class To>
Result<void> fill_timeouts(const std::optional<ConnectionTrackingSpecificationRequest>& timeouts, To& to) {
  if (!timeouts) return {};
  TRY(check_timeouts(*timeouts));
  if (timeouts->tcp_established_timeout) to.tcp_established_timeout = timeouts->tcp_established_timeout;
  if (timeouts->udp_stream_timeout) to.udp_stream_timeout = timeouts->udp_stream_timeout;
  if (timeouts->udp_timeout) to.udp_timeout = timeouts->udp_timeout;
  return {};
}

// ENA Express in the words of an attachment, of a launch and of a launch template.
template <class Specification>
control::EnaSrdChange ena_srd_change(const std::optional<Specification>& specification) {
  control::EnaSrdChange change;
  if (!specification) return change;
  change.enabled = specification->ena_srd_enabled;
  if (specification->ena_srd_udp_specification)
    change.udp_enabled = specification->ena_srd_udp_specification->ena_srd_udp_enabled;
  return change;
}

}  // namespace enid::api::ec2
