#include "api/ec2/network_interface_requests.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/ids.h"

namespace enid::api::ec2 {

using vpc::ec2_failure;

Result<Ipv4Address> parse_address(const std::string& text) {
  const auto address = Ipv4Address::parse(text);
  if (!address)
    return ec2_failure("InvalidParameterValue", fmt::format("invalid value for parameter address: {}", text));
  return *address;
}

Result<Ipv4Prefix> parse_prefix(const std::string& text) {
  const auto prefix = Ipv4Prefix::parse(text);
  if (!prefix) return ec2_failure("InvalidParameterValue", fmt::format("Invalid IPv4 prefix: {}", text));
  return *prefix;
}

Result<std::vector<SecurityGroupId>> group_ids(const std::vector<std::string>& texts) {
  std::vector<SecurityGroupId> ids;
  for (const std::string& text : texts) {
    const auto id = TRY(parse_id<SecurityGroupId>(text));
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

Result<std::string> interface_type(const std::optional<std::string>& type) {
  if (!type || *type == "interface") return std::string("interface");
  return ec2_failure("InvalidParameterValue",
                     fmt::format("Network interfaces of type '{}' are not supported.", *type));
}

Result<void> read_addresses(const std::optional<std::string>& address,
                            const std::vector<PrivateIpAddressSpecification>& addresses,
                            std::optional<std::int32_t> secondary_count, control::NewNetworkInterface& to) {
  if (address) to.primary = TRY(parse_address(*address));
  for (const PrivateIpAddressSpecification& one : addresses) {
    if (!one.private_ip_address)
      return ec2_failure("MissingParameter", "The request must contain the parameter privateIpAddress");
    const Ipv4Address parsed = TRY(parse_address(*one.private_ip_address));
    if (!one.primary.value_or(false)) {
      if (to.primary != parsed) to.secondary.addresses.push_back(parsed);
    } else if (to.primary && *to.primary != parsed) {
      return ec2_failure("InvalidParameterCombination",
                         "Only one primary private IP address can be specified.");
    } else {
      to.primary = parsed;
    }
  }
  if (!secondary_count) return {};
  if (!to.secondary.addresses.empty())
    return ec2_failure(
        "InvalidParameterCombination",
        "The parameters privateIpAddresses and secondaryPrivateIpAddressCount cannot be used together.");
  if (*secondary_count < 0)
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("invalid value for parameter secondaryPrivateIpAddressCount: {}", *secondary_count));
  to.secondary.address_count = *secondary_count;
  return {};
}

Result<void> read_prefixes(const std::vector<std::string>& prefixes, std::optional<std::int32_t> count,
                           control::AddressRequest& to) {
  if (!prefixes.empty() && count)
    return ec2_failure("InvalidParameterCombination",
                       "The parameters ipv4Prefixes and ipv4PrefixCount cannot be used together.");
  for (const std::string& prefix : prefixes) to.prefixes.push_back(TRY(parse_prefix(prefix)));
  if (count.value_or(0) < 0)
    return ec2_failure("InvalidParameterValue",
                       fmt::format("invalid value for parameter ipv4PrefixCount: {}", *count));
  to.prefix_count = count.value_or(0);
  if (!to.prefixes.empty() || to.prefix_count > 0) {
    if (to.address_count > 0 || !to.addresses.empty())
      return ec2_failure("InvalidParameterCombination",
                         "Secondary private IP addresses and prefixes cannot be used together.");
  }
  return {};
}

Result<void> check_timeouts(const ConnectionTrackingSpecificationRequest& timeouts) {
  const auto check = [](const char* name, std::optional<std::int32_t> value, std::int32_t low,
                        std::int32_t high) -> Result<void> {
    if (!value || (*value >= low && *value <= high)) return {};
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("Value ({}) for parameter {} is invalid. It must be between {} and {} seconds.", *value,
                    name, low, high));
  };
  TRY(check("TcpEstablishedTimeout", timeouts.tcp_established_timeout, 60, 432'000));
  TRY(check("UdpStreamTimeout", timeouts.udp_stream_timeout, 60, 180));
  return check("UdpTimeout", timeouts.udp_timeout, 30, 60);
}

}  // namespace enid::api::ec2
