// Network interfaces: create, describe, delete, and their attributes.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/ids.h"
#include "api/ec2/network_interface_requests.h"
#include "api/ec2/network_interface_shapes.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"
#include "control/operations/network_interfaces.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using control::NetworkInterfaceRecord;
using vpc::ec2_failure;

Result<CreateNetworkInterfaceResult> create_network_interface(CallContext& context,
                                                              const CreateNetworkInterfaceRequest& request) {
  control::NewNetworkInterface what;
  what.subnet = TRY(parse_id<SubnetId>(*request.subnet_id));
  what.description = request.description.value_or("");
  what.interface_type = TRY(interface_type(request.interface_type));
  TRY(refuse_ipv6(request));
  TRY(fill_addresses(request, what));
  what.groups = TRY(group_ids(request.groups));
  TRY(fill_timeouts(request.connection_tracking_specification, what));
  what.tags = TRY(tags_for("network-interface", request.tag_specifications));
  const NetworkInterfaceId id = TRY(control::create_network_interface(context.transaction, what));
  const auto& made = *context.transaction.find<NetworkInterfaceRecord>(id);
  NetworkInterface shape = describe(context.account_id, context.transaction.region(), made);
  shape.status = "pending";  // Observed: what EC2 answers to the call that makes it.
  return CreateNetworkInterfaceResult{.network_interface = std::move(shape),
                                      .client_token = request.client_token};
}

Result<operations::DeleteNetworkInterface::Result> delete_network_interface(
    CallContext& context, const DeleteNetworkInterfaceRequest& request) {
  const auto id = TRY(parse_id<NetworkInterfaceId>(*request.network_interface_id));
  TRY(control::delete_network_interface(context.transaction, id));
  return {};
}

void filter_attachment(const control::Attachment& attachment, const std::string& account,
                       std::string_view name, FilterValues& values) {
  if (name == "attachment.attachment-id") values.add(attachment.id.text());
  if (name == "attachment.attach-time") values.add(attachment.attach_time);
  if (name == "attachment.delete-on-termination") values.add(attachment.delete_on_termination);
  if (name == "attachment.device-index") values.add(attachment.device_index);
  if (name == "attachment.instance-id") values.add(attachment.instance.text());
  if (name == "attachment.instance-owner-id") values.add(account);
  if (name == "attachment.status") values.add(attachment_status(attachment.status));
}

void filter_addresses(const NetworkInterfaceRecord& interface, const std::string& region,
                      std::string_view name, FilterValues& values) {
  for (const Ipv4Address address : interface.addresses)
    if (name == "addresses.private-ip-address") values.add(address.text());
  if (interface.addresses.empty()) return;
  if (name == "addresses.primary") {
    values.add(true);
    if (interface.addresses.size() > 1) values.add(false);
  }
  if (name == "private-ip-address") values.add(interface.addresses.front().text());
  if (name == "private-dns-name") values.add(private_dns_name(region, interface.addresses.front()));
}

void filter_groups(const NetworkInterfaceRecord& interface, std::string_view name, FilterValues& values) {
  if (name == "group-id")
    for (const SecurityGroupId& group : interface.groups) values.add(group.text());
}

void filter_values(const CallContext& context, const NetworkInterfaceRecord& interface, std::string_view name,
                   FilterValues& values) {
  const control::RegionModel& region = context.transaction.region();
  if (name.starts_with("attachment.") && interface.attachment)
    filter_attachment(*interface.attachment, context.account_id, name, values);
  filter_addresses(interface, region.name(), name, values);
  filter_groups(interface, name, values);
  if (name == "availability-zone") values.add(interface.availability_zone);
  if (name == "availability-zone-id")
    if (const auto* subnet = region.find<control::SubnetRecord>(interface.subnet))
      values.add(subnet->availability_zone_id);
  if (name == "description") values.add(interface.description);
  if (name == "interface-type") values.add(interface.interface_type);
  if (name == "mac-address") values.add(interface.mac.text());
  if (name == "network-interface-id") values.add(interface.id.text());
  if (name == "operator.managed") values.add(false);
  if (name == "owner-id") values.add(context.account_id);
  if (name == "requester-id") values.add(context.account_id);
  if (name == "requester-managed") values.add(false);
  if (name == "source-dest-check") values.add(interface.source_dest_check);
  if (name == "status") values.add(interface_status(interface));
  if (name == "subnet-id") values.add(interface.subnet.text());
  if (name == "vpc-id") values.add(interface.vpc.text());
}

Result<DescribeNetworkInterfacesResult> describe_network_interfaces(
    CallContext& context, const DescribeNetworkInterfacesRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeNetworkInterfaces", request.filters));
  const control::RegionModel& region = context.transaction.region();
  std::vector<const NetworkInterfaceRecord*> found;
  const auto consider = [&](const NetworkInterfaceRecord& interface) {
    const auto values = [&](std::string_view name, FilterValues& to) {
      filter_values(context, interface, name, to);
    };
    if (filters.match(values, interface.tags)) found.push_back(&interface);
  };
  TRY(for_each_record<NetworkInterfaceRecord>(context.transaction, request.network_interface_ids, consider));
  auto page = TRY(paginate(
      std::move(found), [](const NetworkInterfaceRecord* interface) { return interface->id.text(); },
      request));
  DescribeNetworkInterfacesResult result;
  result.next_token = std::move(page.next_token);
  result.network_interfaces.reserve(page.items.size());
  for (const NetworkInterfaceRecord* interface : page.items)
    result.network_interfaces.push_back(describe(context.account_id, region, *interface));
  return result;
}

Result<DescribeNetworkInterfaceAttributeResult> describe_network_interface_attribute(
    CallContext& context, const DescribeNetworkInterfaceAttributeRequest& request) {
  const auto id = TRY(parse_id<NetworkInterfaceId>(*request.network_interface_id));
  const auto& interface = *TRY(control::find_network_interface(context.transaction, id));
  const std::string attribute = request.attribute.value_or("");
  DescribeNetworkInterfaceAttributeResult result;
  result.network_interface_id = id.text();
  if (attribute == "description") {
    result.description = AttributeValue{.value = interface.description};
  } else if (attribute == "groupSet") {
    result.groups = group_identifiers(context.transaction.region(), interface.groups);
  } else if (attribute == "sourceDestCheck") {
    result.source_dest_check = AttributeBooleanValue{.value = interface.source_dest_check};
  } else if (attribute == "attachment") {
    result.attachment = describe(context.account_id, context.transaction.region(), interface).attachment;
  } else if (attribute == "associatePublicIpAddress") {
    result.associate_public_ip_address = false;
  } else {
    return ec2_failure("InvalidParameterCombination", "An attribute must be specified.");
  }
  return result;
}

Result<void> modify_attachment(CallContext& context, NetworkInterfaceRecord& interface,
                               const NetworkInterfaceAttachmentChanges& changes) {
  if (!changes.attachment_id)
    return ec2_failure("MissingParameter", "The request must contain the parameter attachmentId");
  const auto id = TRY(parse_id<AttachmentId>(*changes.attachment_id));
  if (!interface.attachment || interface.attachment->id != id)
    return ec2_failure("InvalidAttachmentID.NotFound",
                       fmt::format("The networkInterface attachment ID '{}' does not exist", id.text()));
  if (changes.delete_on_termination)
    interface.attachment->delete_on_termination = *changes.delete_on_termination;
  context.transaction.put(interface);
  return {};
}

Result<operations::ModifyNetworkInterfaceAttribute::Result> modify_network_interface_attribute(
    CallContext& context, const ModifyNetworkInterfaceAttributeRequest& request) {
  const auto id = TRY(parse_id<NetworkInterfaceId>(*request.network_interface_id));
  NetworkInterfaceRecord interface = *TRY(control::find_network_interface(context.transaction, id));
  // Documented: EC2 API Reference, ModifyNetworkInterfaceAttribute: one attribute at a time.
  const int attributes =
      (request.description ? 1 : 0) + (request.source_dest_check ? 1 : 0) + (request.groups.empty() ? 0 : 1) +
      (request.attachment ? 1 : 0) + (request.ena_srd_specification ? 1 : 0) +
      (request.connection_tracking_specification ? 1 : 0) + (request.associate_public_ip_address ? 1 : 0);
  if (attributes == 0) return ec2_failure("InvalidParameterCombination", "No attributes specified.");
  if (attributes > 1)
    return ec2_failure("InvalidParameterCombination", "Fields for multiple attribute types specified.");
  if (!request.groups.empty()) {
    TRY(control::set_security_groups(context.transaction, id, TRY(group_ids(request.groups))));
    return {};
  }
  if (request.attachment) {
    TRY(modify_attachment(context, interface, *request.attachment));
    return {};
  }
  if (request.ena_srd_specification) {
    TRY(control::change_ena_srd(context.transaction, id, ena_srd_change(request.ena_srd_specification)));
    return {};
  }
  if (request.associate_public_ip_address.value_or(false))
    return ec2_failure("UnsupportedOperation",
                       "Public addresses are not available: the VPC has no internet gateway.");
  if (request.description) interface.description = request.description->value.value_or("");
  if (request.source_dest_check)
    interface.source_dest_check = request.source_dest_check->value.value_or(true);
  if (request.connection_tracking_specification)
    TRY(fill_timeouts(request.connection_tracking_specification, interface));
  context.transaction.put(std::move(interface));
  return {};
}

Result<operations::ResetNetworkInterfaceAttribute::Result> reset_network_interface_attribute(
    CallContext& context, const ResetNetworkInterfaceAttributeRequest& request) {
  const auto id = TRY(parse_id<NetworkInterfaceId>(*request.network_interface_id));
  NetworkInterfaceRecord interface = *TRY(control::find_network_interface(context.transaction, id));
  interface.source_dest_check = true;  // The only attribute that can be reset.
  context.transaction.put(std::move(interface));
  return {};
}

}  // namespace

void add_network_interface_operations(OperationTable& table) {
  table.add<operations::CreateNetworkInterface>(create_network_interface, OperationKind::kChange);
  table.add<operations::DeleteNetworkInterface>(delete_network_interface, OperationKind::kChange);
  table.add<operations::DescribeNetworkInterfaces>(describe_network_interfaces, OperationKind::kRead);
  table.add<operations::DescribeNetworkInterfaceAttribute>(describe_network_interface_attribute,
                                                           OperationKind::kRead);
  table.add<operations::ModifyNetworkInterfaceAttribute>(modify_network_interface_attribute,
                                                         OperationKind::kChange);
  table.add<operations::ResetNetworkInterfaceAttribute>(reset_network_interface_attribute,
                                                        OperationKind::kChange);
}

}  // namespace enid::api::ec2
