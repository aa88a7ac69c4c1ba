// Attaching and detaching network interfaces: hot (running), warm (stopped); cold is RunInstances.
#include "api/ec2/ids.h"
#include "api/ec2/network_interface_requests.h"
#include "api/ec2/operations.h"

namespace enid::api::ec2 {
namespace {

Result<AttachNetworkInterfaceResult> attach_network_interface(CallContext& context,
                                                              const AttachNetworkInterfaceRequest& request) {
  control::NewAttachment what;
  what.interface = TRY(parse_id<NetworkInterfaceId>(*request.network_interface_id));
  what.instance = TRY(parse_id<InstanceId>(*request.instance_id));
  what.device_index = *request.device_index;
  what.network_card_index = request.network_card_index.value_or(0);
  if (what.device_index < 0)
    return vpc::ec2_failure("InvalidParameterValue", "invalid value for parameter deviceIndex");
  what.ena_srd = ena_srd_change(request.ena_srd_specification);
  const AttachmentId id = TRY(control::attach_network_interface(context.transaction, what));
  return AttachNetworkInterfaceResult{.attachment_id = id.text(),
                                      .network_card_index = what.network_card_index};
}

Result<operations::DetachNetworkInterface::Result> detach_network_interface(
    CallContext& context, const DetachNetworkInterfaceRequest& request) {
  const auto id = TRY(parse_id<AttachmentId>(*request.attachment_id));
  TRY(control::detach_network_interface(context.transaction, id, request.force.value_or(false)));
  return {};
}

}  // namespace

void add_network_interface_attachment_operations(OperationTable& table) {
  table.add<operations::AttachNetworkInterface>(attach_network_interface, OperationKind::kChange);
  table.add<operations::DetachNetworkInterface>(detach_network_interface, OperationKind::kChange);
}

}  // namespace enid::api::ec2
