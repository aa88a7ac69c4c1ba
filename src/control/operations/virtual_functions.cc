#include "control/operations/virtual_functions.h"

#include <utility>
#include <vector>

namespace enid::control {

std::optional<VirtualFunction> free_virtual_function(const RegionModel& region, const InstanceId& instance,
                                                     std::int32_t network_card_index) {
  std::vector<vpc::PlacedInterface> placed;
  for (const NetworkInterfaceRecord* interface : region.interfaces_of(instance))
    if (const auto& function = interface->attachment->virtual_function)
      placed.push_back(
          {.network_card_index = interface->attachment->network_card_index, .host_card = function->card});
  const Host* host = region.hosts().find(region.find<InstanceRecord>(instance)->host);
  return host == nullptr ? std::nullopt : host->network_cards.choose(placed, network_card_index);
}

bool take_virtual_functions(Transaction& transaction, const InstanceId& instance) {
  for (const NetworkInterfaceRecord* interface : transaction.region().interfaces_of(instance)) {
    if (interface->attachment->virtual_function) continue;
    if (interface->attachment->status == AttachmentStatus::kDetaching) continue;
    NetworkInterfaceRecord placed = *interface;
    placed.attachment->virtual_function =
        free_virtual_function(transaction.region(), instance, placed.attachment->network_card_index);
    if (!placed.attachment->virtual_function) return false;
    transaction.put(std::move(placed));
  }
  return true;
}

void release_virtual_functions(Transaction& transaction, const InstanceId& instance) {
  for (const NetworkInterfaceRecord* interface : transaction.region().interfaces_of(instance)) {
    if (!interface->attachment->virtual_function) continue;
    NetworkInterfaceRecord released = *interface;
    released.attachment->virtual_function.reset();
    transaction.put(std::move(released));
  }
}

}  // namespace enid::control
