#include "apps/device_facts.h"

#include <fmt/format.h>

#include <utility>

#include "control/card_programs.h"

namespace enid::apps {
namespace {

using instances::DeviceFacts;

Result<DeviceFacts> facts_of(const control::RegionModel& region,
                             const control::NetworkInterfaceRecord& interface) {
  DeviceFacts facts{
      .mac = interface.mac,
      .mtu = 9001,
      .description =
          fmt::format("{} in {} ({})", interface.addresses.empty() ? "" : interface.addresses.front().text(),
                      interface.subnet.text(), region.name())};
  if (!interface.attachment) return facts;
  const auto* instance = region.find<control::InstanceRecord>(interface.attachment->instance);
  if (instance == nullptr) return facts;
  if (instance->state != control::InstanceState::kStopped)
    return failure(
        std::make_error_code(std::errc::device_or_resource_busy),
        fmt::format("{} is in use by {}, which is not stopped; detach it, stop the instance, or make "
                    "an interface of your own: enid aws ec2 create-network-interface --subnet-id …",
                    interface.id.text(), instance->id.text()));
  facts.mtu = control::interface_mtu(instance->instance_type);
  return facts;
}

}  // namespace

instances::DeviceServer::Facts device_facts(control::ControlPlane& plane) {
  return [&plane](const NetworkInterfaceId& interface, std::function<void(Result<DeviceFacts>)> done) {
    plane.inspect(
        [interface, done = std::move(done)](const control::ControlPlane::Regions& regions, store::Revision) {
          for (const auto& [name, region] : regions) {
            if (const auto* record = region->find<control::NetworkInterfaceRecord>(interface))
              return done(facts_of(*region, *record));
          }
          done(failure(std::make_error_code(std::errc::no_such_device),
                       "there is no network interface " + interface.text()));
        });
  };
}

}  // namespace enid::apps
