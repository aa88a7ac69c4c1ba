// Security groups and their rules as answers tell them.
#pragma once

#include <string>
#include <vector>

#include "api/ec2/security_group_requests.h"
#include "api/generated/ec2_types.h"
#include "api/handler.h"

namespace enid::api::ec2 {

// One permission for each protocol and ports, with all its peers, in the order of their first rules.
std::vector<IpPermission> group_permissions(const std::string& account, const std::vector<Rule>& rules);

SecurityGroup describe(const CallContext& context, const Group& group);
SecurityGroupRule describe(const CallContext& context, const Group& group, const Rule& rule);
RevokedSecurityGroupRule describe_revoked(const Group& group, const Rule& rule);
std::string group_arn(const CallContext& context, const Group& group);

}  // namespace enid::api::ec2
