// Route tables: each VPC's main one, with the local routes.
//
// Documented: VPC User Guide, "Configure route tables": one local route for each CIDR block.
#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"

namespace enid::api::ec2 {
namespace {

using control::RouteTableRecord;

RouteTableAssociation main_association(const RouteTableRecord& table) {
  RouteTableAssociation shape;
  shape.main = true;
  shape.route_table_association_id = table.main_association.text();
  shape.route_table_id = table.id.text();
  shape.association_state = RouteTableAssociationState{.state = "associated", .status_message = {}};
  return shape;
}

Route local_route(const Ipv4Prefix& block) {
  Route shape;
  shape.destination_cidr_block = block.text();
  shape.gateway_id = "local";
  shape.origin = "CreateRouteTable";
  shape.state = "active";
  return shape;
}

RouteTable describe(const CallContext& context, const RouteTableRecord& table) {
  RouteTable shape;
  if (!table.main_association.empty()) shape.associations.push_back(main_association(table));
  shape.route_table_id = table.id.text();
  if (const auto* vpc = context.transaction.find<control::VpcRecord>(table.vpc))
    for (const auto& block : vpc->cidr_blocks) shape.routes.push_back(local_route(block.cidr_block));
  shape.tags = to_tag_list(table.tags);
  shape.vpc_id = table.vpc.text();
  shape.owner_id = context.account_id;
  return shape;
}

void filter_values(const RouteTable& shape, std::string_view name, FilterValues& values) {
  for (const RouteTableAssociation& association : shape.associations) {
    if (name == "association.main") values.add(association.main);
    if (name == "association.route-table-association-id") values.add(association.route_table_association_id);
    if (name == "association.route-table-id") values.add(association.route_table_id);
    if (name == "association.subnet-id") values.add(association.subnet_id);
  }
  for (const Route& route : shape.routes) {
    if (name == "route.destination-cidr-block") values.add(route.destination_cidr_block);
    if (name == "route.gateway-id") values.add(route.gateway_id);
    if (name == "route.origin") values.add(route.origin);
    if (name == "route.state") values.add(route.state);
  }
  if (name == "owner-id") values.add(shape.owner_id);
  if (name == "route-table-id") values.add(shape.route_table_id);
  if (name == "vpc-id") values.add(shape.vpc_id);
}

Result<DescribeRouteTablesResult> describe_route_tables(CallContext& context,
                                                        const DescribeRouteTablesRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeRouteTables", request.filters));
  std::vector<RouteTable> found;
  TRY(for_each_record<RouteTableRecord>(
      context.transaction, request.route_table_ids, [&](const RouteTableRecord& table) {
        RouteTable shape = describe(context, table);
        const auto values = [&](std::string_view name, FilterValues& to) { filter_values(shape, name, to); };
        if (filters.match(values, table.tags)) found.push_back(std::move(shape));
      }));
  auto page = TRY(paginate(std::move(found), &RouteTable::route_table_id, request));
  return DescribeRouteTablesResult{.route_tables = std::move(page.items),
                                   .next_token = std::move(page.next_token)};
}

}  // namespace

void add_route_table_operations(OperationTable& table) {
  table.add<operations::DescribeRouteTables>(describe_route_tables, OperationKind::kRead);
}

}  // namespace enid::api::ec2
