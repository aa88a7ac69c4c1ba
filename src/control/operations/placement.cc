#include "control/operations/placement.h"

#include <utility>
#include <vector>

namespace enid::control {

const Host* choose_host(const Transaction& transaction, const InstanceRecord& instance,
                        std::size_t interfaces) {
  const Host* best = nullptr;
  for (const auto& [id, host] : transaction.region().hosts().all()) {
    if (!host.connected || !host.serves_zone(instance.availability_zone)) continue;
    if (host.network_cards.free() < static_cast<std::int64_t>(interfaces)) continue;
    if (best == nullptr || host.network_cards.free() > best->network_cards.free()) best = &host;
  }
  return best;
}

void assign_host(Transaction& transaction, const HostId& host) {
  std::vector<InstanceRecord> without;
  for (const auto& [id, instance] : transaction.table<InstanceRecord>())
    if (instance.state != InstanceState::kTerminated && instance.disk_host.empty())
      without.push_back(instance);
  for (InstanceRecord& instance : without) {
    instance.disk_host = host;
    if (instance.state != InstanceState::kStopped) instance.host = host;
    transaction.put(std::move(instance));
  }
}

}  // namespace enid::control
