// TAP devices, as the instances' network interfaces. All functions act in the calling
// thread's network namespace.
//
// Theory of operation
//   A device is made persistent, so that it outlives the process that made it; opening it by
//   name again attaches a new descriptor to it. It speaks virtio-net headers of 12 bytes and
//   takes checksums and TCP segmentation that are still to be done, because the card does.
#pragma once

#include <cstdint>
#include <string>

#include "base/ip_address.h"
#include "base/result.h"
#include "host/unique_fd.h"

namespace enid::instances {

inline constexpr int kVirtioHeaderBytes = 12;

// Makes the device, or takes hold of it when it exists and nobody else holds it.
Result<host::UniqueFd> open_tap(const std::string& name);
// Sets what an interface brings along. The device must be down for a new `mac`.
Result<void> configure_tap(const std::string& name, const MacAddress& mac, std::uint16_t mtu);
Result<void> set_tap_up(const std::string& name);
// Does nothing when there is none.
Result<void> delete_tap(const std::string& name);

}  // namespace enid::instances
