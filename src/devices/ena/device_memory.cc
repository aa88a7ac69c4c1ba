#include "devices/ena/device_memory.h"

namespace enid::devices::ena {

Result<DeviceMemory> DeviceMemory::create(pci::DescriptorUser& user, const ControllerOptions& options) {
  DeviceMemory memory;
  memory.doorbells = TRY(user.make_shared_memory(kDoorbellPageOffset + kDoorbellPageBytes));
  if (options.low_latency) memory.low_latency = TRY(user.make_shared_memory(kLowLatencyBarBytes));
  return memory;
}

}  // namespace enid::devices::ena
