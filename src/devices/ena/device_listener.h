// DeviceListener: hears what a guest's driver does with its device, for logs and counters.
//
//   Called within the register access or the timeout that it tells of, seldom enough to write a line each.
//   All texts are printable, though the guest chose them. The device does not depend on what the listener
//   does; it must not call back into it.
#pragma once

#include <cstdint>
#include <string_view>

#include "devices/ena/host_information.h"

namespace enid::devices::ena {

class DeviceListener {
 public:
  virtual ~DeviceListener() = default;

  // The driver has told of its system, and it is not what it told the last time.
  virtual void on_host(const HostInformation& host) = 0;
  // The driver has reset the device; see reset_reason_name(). Each driver begins so, too (reason 0).
  virtual void on_reset(std::uint32_t reason) = 0;
  // The guest broke a rule of the rings; the device carries nothing until it is reset.
  virtual void on_broken(std::string_view because) = 0;
};

}  // namespace enid::devices::ena
