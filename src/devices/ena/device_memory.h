// DeviceMemory: the parts of an ENA device's BARs that the guest maps: doorbells, and transmit queues in
// the device's memory.
//
//   The doorbells' file has the page at the same offset as BAR 0 has it, so that offsets in BAR and file
//   agree.
#pragma once

#include "devices/ena/controller_options.h"
#include "pci/descriptor.h"

namespace enid::devices::ena {

struct DeviceMemory {
  pci::DescriptorUser::NewMemory doorbells;
  pci::DescriptorUser::NewMemory low_latency;  // Null members without low-latency queues.

  static Result<DeviceMemory> create(pci::DescriptorUser& user, const ControllerOptions& options);

  Bytes doorbell_page() const {
    return doorbells.memory->bytes().subspan(kDoorbellPageOffset, kDoorbellPageBytes);
  }
  Bytes low_latency_bar() const { return low_latency.memory ? low_latency.memory->bytes() : Bytes(); }
};

}  // namespace enid::devices::ena
