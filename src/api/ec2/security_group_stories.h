// For tests of security groups: rules as short lines.
//
//   "tcp 22-22 10.0.0.0/8 'office'" is a rule; a list of such lines is both what a request asks
//   for and what the model is expected to hold.
#pragma once

#include <fmt/format.h>

#include <sstream>
#include <string>
#include <vector>

#include "api/ec2/handler_story.h"
#include "api/ec2/security_group_requests.h"
#include "control/operations/vpcs.h"

namespace enid::api::ec2 {

// The description comes last, in quotes; "all" is for protocols without ports.
inline IpPermission permission(const std::string& line) {
  std::istringstream words(line);
  std::string protocol, ports, peer, description;
  words >> protocol >> ports >> peer;
  std::getline(words >> std::ws, description);
  IpPermission result;
  result.ip_protocol = protocol;
  if (ports != "all") {
    const auto dash = ports.find('-', 1);  // Behind the sign of a first -1.
    result.from_port = std::stoi(ports.substr(0, dash));
    result.to_port = std::stoi(ports.substr(dash + 1));
  }
  std::optional<std::string> said;
  if (description.size() > 2) said = description.substr(1, description.size() - 2);
  if (peer.starts_with("sg-")) {
    result.user_id_group_pairs.emplace_back();
    result.user_id_group_pairs.back().group_id = peer;
    result.user_id_group_pairs.back().description = said;
  } else if (peer.starts_with("pl-")) {
    result.prefix_list_ids.push_back({.description = said, .prefix_list_id = peer});
  } else if (peer.find(':') != std::string::npos) {
    result.ipv6_ranges.push_back({.description = said, .cidr_ipv6 = peer});
  } else if (!peer.empty()) {
    result.ip_ranges.push_back({.description = said, .cidr_ip = peer});
  }
  return result;
}

inline std::vector<IpPermission> permissions(const std::vector<std::string>& lines) {
  std::vector<IpPermission> result;
  for (const std::string& line : lines) result.push_back(permission(line));
  return result;
}

inline std::string line_of(const Rule& rule) {
  const bool all = !terms_of(rule).traffic.has_ports();
  const std::string ports = all ? "all" : fmt::format("{}-{}", rule.from_port, rule.to_port);
  const std::string said = rule.description.empty() ? "" : fmt::format(" '{}'", rule.description);
  return fmt::format("{} {} {}{}", rule.protocol, ports, vpc::peer_text(rule.peer), said);
}

class SecurityGroupStory : public HandlerStory {
 protected:
  // "ok", or the code of the refusal.
  template <class T>
  static std::string outcome(const Result<T>& result) {
    return result ? "ok" : vpc::ec2_code(result.error());
  }

  std::string make_group(const std::string& name, const std::optional<VpcId>& vpc = {}) {
    CreateSecurityGroupRequest request{.description = "a group", .group_name = name};
    request.vpc_id = (vpc ? *vpc : vpc_).text();
    return call<operations::CreateSecurityGroup>(request).value().group_id.value();
  }

  template <class Operation = operations::AuthorizeSecurityGroupIngress>
  Result<typename Operation::Result> ask(const std::string& group, const std::vector<std::string>& lines) {
    typename Operation::Request request;
    request.group_id = group;
    request.ip_permissions = permissions(lines);
    return call<Operation>(request);
  }

  const Group& group(const std::string& id) const {
    return *region_.find<Group>(*SecurityGroupId::parse(id));
  }
  std::vector<std::string> lines(const std::string& id, bool is_egress = false) const {
    std::vector<std::string> found;
    for (const Rule& rule : group(id).rules)
      if (rule.is_egress == is_egress) found.push_back(line_of(rule));
    return found;
  }
  std::string default_group(const VpcId& vpc) const { return region_.group_named(vpc, "default")->id.text(); }

  const VpcId default_vpc_ = control::default_vpc(region_)->id;
  const VpcId vpc_ = *VpcId::parse(make_vpc());
};

}  // namespace enid::api::ec2
