// Who else may attach a network interface. There is one account, so a permission is remembered
// and described, and nobody needs it yet.
#include <fmt/format.h>

#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "control/operations/network_interfaces.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using control::NetworkInterfacePermissionRecord;
using vpc::ec2_failure;

NetworkInterfacePermission describe(const NetworkInterfacePermissionRecord& permission) {
  NetworkInterfacePermission shape;
  shape.network_interface_permission_id = permission.id.text();
  shape.network_interface_id = permission.interface.text();
  if (!permission.account.empty()) shape.aws_account_id = permission.account;
  if (!permission.aws_service.empty()) shape.aws_service = permission.aws_service;
  shape.permission = permission.permission;
  shape.permission_state = NetworkInterfacePermissionState{.state = "granted"};
  return shape;
}

Result<CreateNetworkInterfacePermissionResult> create_network_interface_permission(
    CallContext& context, const CreateNetworkInterfacePermissionRequest& request) {
  NetworkInterfacePermissionRecord permission;
  permission.interface = TRY(parse_id<NetworkInterfaceId>(*request.network_interface_id));
  TRY(control::find_network_interface(context.transaction, permission.interface));
  permission.account = request.aws_account_id.value_or("");
  permission.aws_service = request.aws_service.value_or("");
  if (permission.account.empty() == permission.aws_service.empty())
    return ec2_failure("InvalidParameterCombination", "Either AwsAccountId or AwsService must be specified.");
  permission.permission = *request.permission;
  permission.id = context.transaction.make_id<NetworkInterfacePermissionId>();
  context.transaction.put(permission);
  return CreateNetworkInterfacePermissionResult{.interface_permission = describe(permission)};
}

Result<const NetworkInterfacePermissionRecord*> find(CallContext& context, const std::string& text) {
  const auto id = NetworkInterfacePermissionId::parse(text);
  const auto* permission = id ? context.transaction.find<NetworkInterfacePermissionRecord>(*id) : nullptr;
  if (permission == nullptr)
    return ec2_failure("InvalidPermissionID.NotFound",
                       fmt::format("The network interface permission ID '{}' does not exist", text));
  return permission;
}

Result<DeleteNetworkInterfacePermissionResult> delete_network_interface_permission(
    CallContext& context, const DeleteNetworkInterfacePermissionRequest& request) {
  const auto* permission = TRY(find(context, *request.network_interface_permission_id));
  const NetworkInterfacePermissionId id = permission->id;
  context.transaction.erase<NetworkInterfacePermissionRecord>(id);
  return DeleteNetworkInterfacePermissionResult{.return_ = true};
}

Result<DescribeNetworkInterfacePermissionsResult> describe_network_interface_permissions(
    CallContext& context, const DescribeNetworkInterfacePermissionsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeNetworkInterfacePermissions", request.filters));
  std::vector<NetworkInterfacePermission> found;
  const auto consider = [&](const NetworkInterfacePermissionRecord& permission) {
    const auto values = [&](std::string_view name, FilterValues& to) {
      if (name == "network-interface-permission.network-interface-permission-id")
        to.add(permission.id.text());
      if (name == "network-interface-permission.network-interface-id") to.add(permission.interface.text());
      if (name == "network-interface-permission.aws-account-id") to.add(permission.account);
      if (name == "network-interface-permission.aws-service") to.add(permission.aws_service);
      if (name == "network-interface-permission.permission") to.add(permission.permission);
    };
    if (filters.match(values)) found.push_back(describe(permission));
  };
  for (const std::string& id : request.network_interface_permission_ids) consider(*TRY(find(context, id)));
  if (request.network_interface_permission_ids.empty())
    for (const auto& [id, permission] : context.transaction.table<NetworkInterfacePermissionRecord>())
      consider(permission);
  auto page =
      TRY(paginate(std::move(found), &NetworkInterfacePermission::network_interface_permission_id, request));
  DescribeNetworkInterfacePermissionsResult result;
  result.next_token = std::move(page.next_token);
  result.network_interface_permissions = std::move(page.items);
  return result;
}

}  // namespace

void add_network_interface_permission_operations(OperationTable& table) {
  table.add<operations::CreateNetworkInterfacePermission>(create_network_interface_permission,
                                                          OperationKind::kChange);
  table.add<operations::DeleteNetworkInterfacePermission>(delete_network_interface_permission,
                                                          OperationKind::kChange);
  table.add<operations::DescribeNetworkInterfacePermissions>(describe_network_interface_permissions,
                                                             OperationKind::kRead);
}

}  // namespace enid::api::ec2
