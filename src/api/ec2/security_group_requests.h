// What the calls on security groups say in the same words, read once: which group, and which
// permissions.
//
// Theory of operation
//   A caller's IpPermission is a protocol and ports with many peers; EC2 keeps a rule for each
//   peer. Reading takes it apart; api/ec2/security_group_shapes.h puts rules together again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/generated/ec2_types.h"
#include "api/handler.h"
#include "base/result.h"
#include "control/transaction.h"
#include "vpc/security_group_rule.h"

namespace enid::api::ec2 {

using Group = control::SecurityGroupRecord;
using Rule = control::SecurityGroupRule;

// By id; or by name, which only groups of the default VPC can be called by.
Result<const Group*> find_group(const control::Transaction& transaction, const std::optional<std::string>& id,
                                const std::optional<std::string>& name = {});
Result<const Group*> find_group_by_name(const control::Transaction& transaction, const std::string& name);

// The rules that the permissions ask for, without ids. `group` is the one they are for. The same
// rule twice is refused.
Result<std::vector<Rule>> read_permissions(const control::Transaction& transaction, const Group& group,
                                           bool is_egress, const std::vector<IpPermission>& permissions);

// The parameters of one rule, of the time before IpPermissions.
struct FlatPermission {
  std::optional<std::string> cidr_ip;
  std::optional<std::string> protocol;
  std::optional<std::int32_t> from_port;
  std::optional<std::int32_t> to_port;
  std::optional<std::string> source_group_name;
  std::optional<std::string> source_group_owner;

  bool empty() const {
    return !cidr_ip && !protocol && !from_port && !to_port && !source_group_name && !source_group_owner;
  }
};

Result<std::vector<IpPermission>> join_permissions(const FlatPermission& flat, bool is_egress,
                                                   const std::vector<IpPermission>& permissions);

// The permissions of an Authorize or a Revoke request, in either form. Empty: none are given.
template <class Request>
Result<std::vector<IpPermission>> permissions_of(const Request& request, bool is_egress) {
  const FlatPermission flat{.cidr_ip = request.cidr_ip,
                            .protocol = request.ip_protocol,
                            .from_port = request.from_port,
                            .to_port = request.to_port,
                            .source_group_name = request.source_security_group_name,
                            .source_group_owner = request.source_security_group_owner_id};
  return join_permissions(flat, is_egress, request.ip_permissions);
}

vpc::RuleTerms terms_of(const Rule& rule);
void set_terms(Rule& rule, vpc::RuleTerms terms);

// A peer that is a group, which must be in the VPC of `group`.
Result<vpc::RulePeer> parse_group_peer(const control::Transaction& transaction, const Group& group,
                                       const UserIdGroupPair& pair);

// Refuses duplicates, and more rules than a direction may have.
Result<void> check_rules(const Group& group);

}  // namespace enid::api::ec2
