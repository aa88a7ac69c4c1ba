// PortBinder: how a TAP device's file descriptor reaches the card's thread.
//
//   The runtime makes devices inside instances; whoever owns the card (apps/) implements this
//   over host/card_worker. Both calls return at once; `done` is called later, on any thread.
#pragma once

#include <functional>

#include "base/resource_id.h"

namespace enid::instances {

class PortBinder {
 public:
  virtual ~PortBinder() = default;

  // `tap_fd` belongs to the binder from now on. A second bind of the same interface replaces
  // and closes the first.
  virtual void bind(const NetworkInterfaceId& interface, int tap_fd, std::function<void()> done) = 0;
  // Closes the descriptor before `done` is called; does nothing more for an unknown interface.
  virtual void unbind(const NetworkInterfaceId& interface, std::function<void()> done) = 0;
};

}  // namespace enid::instances
