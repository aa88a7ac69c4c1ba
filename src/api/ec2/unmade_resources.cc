// Resources that cannot be made yet: their Describe calls answer that there are none, and that
// one asked for by id does not exist.
//
// Tools that read a whole VPC (Terraform, consoles) call them and expect an answer.
#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/tag_specifications.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

// Refuses the first of the ids: nothing of that kind exists.
Result<void> refuse_any(std::string_view prefix, const std::vector<std::string>& ids) {
  if (ids.empty()) return {};
  return std::unexpected(id_not_found(prefix, ids.front()));
}

// What the request names does not exist, its filters have names that EC2 knows, and the answer
// is empty.
template <class Operation>
Result<typename Operation::Result> none(const std::vector<Filter>& filters, std::string_view prefix,
                                        const std::vector<std::string>& ids) {
  TRY(Filters::parse(Operation::kName, filters));
  TRY(refuse_any(prefix, ids));
  return typename Operation::Result{};
}

Result<DescribeInternetGatewaysResult> describe_internet_gateways(
    CallContext&, const DescribeInternetGatewaysRequest& request) {
  return none<operations::DescribeInternetGateways>(request.filters, "igw", request.internet_gateway_ids);
}

Result<DescribeEgressOnlyInternetGatewaysResult> describe_egress_only_internet_gateways(
    CallContext&, const DescribeEgressOnlyInternetGatewaysRequest& request) {
  return none<operations::DescribeEgressOnlyInternetGateways>(request.filters, "eigw",
                                                              request.egress_only_internet_gateway_ids);
}

Result<DescribeNatGatewaysResult> describe_nat_gateways(CallContext&,
                                                        const DescribeNatGatewaysRequest& request) {
  return none<operations::DescribeNatGateways>(request.filter, "nat", request.nat_gateway_ids);
}

Result<DescribeAddressesResult> describe_addresses(CallContext&, const DescribeAddressesRequest& request) {
  if (!request.public_ips.empty())
    return vpc::ec2_failure("InvalidAddress.NotFound",
                            "Address '" + request.public_ips.front() + "' not found.");
  return none<operations::DescribeAddresses>(request.filters, "eipalloc", request.allocation_ids);
}

Result<DescribeAddressesAttributeResult> describe_addresses_attribute(
    CallContext&, const DescribeAddressesAttributeRequest& request) {
  TRY(refuse_any("eipalloc", request.allocation_ids));
  return DescribeAddressesAttributeResult{};
}

Result<DescribeVpcPeeringConnectionsResult> describe_vpc_peering_connections(
    CallContext&, const DescribeVpcPeeringConnectionsRequest& request) {
  return none<operations::DescribeVpcPeeringConnections>(request.filters, "pcx",
                                                         request.vpc_peering_connection_ids);
}

Result<DescribeVpcEndpointsResult> describe_vpc_endpoints(CallContext&,
                                                          const DescribeVpcEndpointsRequest& request) {
  return none<operations::DescribeVpcEndpoints>(request.filters, "vpce", request.vpc_endpoint_ids);
}

Result<DescribePrefixListsResult> describe_prefix_lists(CallContext&,
                                                        const DescribePrefixListsRequest& request) {
  return none<operations::DescribePrefixLists>(request.filters, "pl", request.prefix_list_ids);
}

Result<DescribeManagedPrefixListsResult> describe_managed_prefix_lists(
    CallContext&, const DescribeManagedPrefixListsRequest& request) {
  return none<operations::DescribeManagedPrefixLists>(request.filters, "pl", request.prefix_list_ids);
}

Result<DescribeFlowLogsResult> describe_flow_logs(CallContext&, const DescribeFlowLogsRequest& request) {
  return none<operations::DescribeFlowLogs>(request.filter, "fl", request.flow_log_ids);
}

// EC2-Classic is gone; the calls remain, and say of each VPC that it has no link.
Result<DescribeVpcClassicLinkResult> describe_vpc_classic_link(CallContext& context,
                                                               const DescribeVpcClassicLinkRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeVpcClassicLink", request.filters));
  DescribeVpcClassicLinkResult result;
  TRY(for_each_record<control::VpcRecord>(context.transaction, request.vpc_ids,
                                          [&](const control::VpcRecord& vpc) {
                                            const auto values = [](std::string_view name, FilterValues& to) {
                                              if (name == "is-classic-link-enabled") to.add(false);
                                            };
                                            if (!filters.match(values, vpc.tags)) return;
                                            VpcClassicLink& link = result.vpcs.emplace_back();
                                            link.classic_link_enabled = false;
                                            link.tags = to_tag_list(vpc.tags);
                                            link.vpc_id = vpc.id.text();
                                          }));
  return result;
}

Result<DescribeVpcClassicLinkDnsSupportResult> describe_vpc_classic_link_dns_support(
    CallContext& context, const DescribeVpcClassicLinkDnsSupportRequest& request) {
  DescribeVpcClassicLinkDnsSupportResult result;
  TRY(for_each_record<control::VpcRecord>(context.transaction, request.vpc_ids,
                                          [&](const control::VpcRecord& vpc) {
                                            ClassicLinkDnsSupport& support = result.vpcs.emplace_back();
                                            support.classic_link_dns_supported = false;
                                            support.vpc_id = vpc.id.text();
                                          }));
  return result;
}

}  // namespace

void add_unmade_resource_operations(OperationTable& table) {
  constexpr auto kRead = OperationKind::kRead;
  table.add<operations::DescribeInternetGateways>(describe_internet_gateways, kRead);
  table.add<operations::DescribeEgressOnlyInternetGateways>(describe_egress_only_internet_gateways, kRead);
  table.add<operations::DescribeNatGateways>(describe_nat_gateways, kRead);
  table.add<operations::DescribeAddresses>(describe_addresses, kRead);
  table.add<operations::DescribeAddressesAttribute>(describe_addresses_attribute, kRead);
  table.add<operations::DescribeVpcPeeringConnections>(describe_vpc_peering_connections, kRead);
  table.add<operations::DescribeVpcEndpoints>(describe_vpc_endpoints, kRead);
  table.add<operations::DescribePrefixLists>(describe_prefix_lists, kRead);
  table.add<operations::DescribeManagedPrefixLists>(describe_managed_prefix_lists, kRead);
  table.add<operations::DescribeFlowLogs>(describe_flow_logs, kRead);
  table.add<operations::DescribeVpcClassicLink>(describe_vpc_classic_link, kRead);
  table.add<operations::DescribeVpcClassicLinkDnsSupport>(describe_vpc_classic_link_dns_support, kRead);
}

}  // namespace enid::api::ec2
