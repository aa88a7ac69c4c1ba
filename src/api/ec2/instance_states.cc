// Instances change state: start, stop, reboot, terminate; and what they print on their console.
#include "api/ec2/instance_requests.h"
#include "api/ec2/instance_shapes.h"
#include "api/ec2/operations.h"
#include "api/protocol/base64.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

Result<std::vector<InstanceId>> ids_of(CallContext& context, const std::vector<std::string>& texts) {
  std::vector<InstanceId> ids;
  for (const control::InstanceRecord* instance : TRY(find_instances(context.transaction, texts)))
    ids.push_back(instance->id);
  return ids;
}

std::vector<InstanceStateChange> describe_changes(const std::vector<control::StateChange>& changes) {
  std::vector<InstanceStateChange> shapes;
  for (const control::StateChange& change : changes) {
    InstanceStateChange& shape = shapes.emplace_back();
    shape.instance_id = change.instance.text();
    shape.previous_state = describe(change.previous);
    shape.current_state = describe(change.current);
  }
  return shapes;
}

Result<StartInstancesResult> start_instances(CallContext& context, const StartInstancesRequest& request) {
  const auto ids = TRY(ids_of(context, request.instance_ids));
  return StartInstancesResult{.starting_instances =
                                  describe_changes(TRY(control::start_instances(context.transaction, ids)))};
}

Result<StopInstancesResult> stop_instances(CallContext& context, const StopInstancesRequest& request) {
  if (request.hibernate.value_or(false))
    return vpc::ec2_failure("UnsupportedHibernationConfiguration",
                            "The instances were not launched with hibernation enabled.");
  const auto ids = TRY(ids_of(context, request.instance_ids));
  return StopInstancesResult{.stopping_instances = describe_changes(TRY(control::stop_instances(
                                 context.transaction, ids, request.force.value_or(false))))};
}

Result<operations::RebootInstances::Result> reboot_instances(CallContext& context,
                                                             const RebootInstancesRequest& request) {
  TRY(control::reboot_instances(context.transaction, TRY(ids_of(context, request.instance_ids))));
  return {};
}

Result<TerminateInstancesResult> terminate_instances(CallContext& context,
                                                     const TerminateInstancesRequest& request) {
  const auto ids = TRY(ids_of(context, request.instance_ids));
  return TerminateInstancesResult{
      .terminating_instances = describe_changes(TRY(control::terminate_instances(context.transaction, ids)))};
}

Result<GetConsoleOutputResult> get_console_output(CallContext& context,
                                                  const GetConsoleOutputRequest& request) {
  const auto* instance = TRY(find_instances(context.transaction, {*request.instance_id})).front();
  GetConsoleOutputResult result;
  result.instance_id = instance->id.text();
  result.timestamp = instance->state_time;
  const control::Host* host = context.transaction.region().hosts().find(instance->disk_host);
  if (host == nullptr || host->runtime == nullptr) return result;
  // An instance that never ran has no console yet: that is no error.
  if (const auto output = host->runtime->console_output(instance->id)) {
    result.output = protocol::write_base64(output->text);
    result.timestamp = WallTime{output->modified_milliseconds_since_epoch};
  }
  return result;
}

}  // namespace

void add_instance_state_operations(OperationTable& table) {
  table.add<operations::StartInstances>(start_instances, OperationKind::kChange);
  table.add<operations::StopInstances>(stop_instances, OperationKind::kChange);
  table.add<operations::RebootInstances>(reboot_instances, OperationKind::kChange);
  table.add<operations::TerminateInstances>(terminate_instances, OperationKind::kChange);
  table.add<operations::GetConsoleOutput>(get_console_output, OperationKind::kRead);
}

}  // namespace enid::api::ec2
