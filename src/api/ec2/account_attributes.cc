// Attributes of the account. Documented: EC2 API Reference, DescribeAccountAttributes.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/operations.h"
#include "api/generated/ec2_types.h"
#include "control/operations/vpcs.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

Result<DescribeAccountAttributesResult> describe_account_attributes(
    CallContext& context, const DescribeAccountAttributesRequest& request) {
  const control::VpcRecord* vpc = control::default_vpc(context.transaction.region());
  const std::pair<const char*, std::string> attributes[] = {
      {"supported-platforms", "VPC"}, {"vpc-max-security-groups-per-interface", "5"},
      {"max-elastic-ips", "5"},       {"max-instances", "20"},
      {"vpc-max-elastic-ips", "5"},   {"default-vpc", vpc == nullptr ? "none" : vpc->id.text()},
  };
  DescribeAccountAttributesResult result;
  for (const auto& [name, value] : attributes) {
    const auto& wanted = request.attribute_names;
    if (!wanted.empty() && std::ranges::find(wanted, name) == wanted.end()) continue;
    AccountAttribute& shape = result.account_attributes.emplace_back();
    shape.attribute_name = name;
    shape.attribute_values.emplace_back().attribute_value = value;
  }
  return result;
}

}  // namespace

void add_account_attribute_operations(OperationTable& table) {
  table.add<operations::DescribeAccountAttributes>(describe_account_attributes, OperationKind::kRead);
}

}  // namespace enid::api::ec2
