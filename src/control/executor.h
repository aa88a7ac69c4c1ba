// Executor: the control thread, as the control plane sees it.
#pragma once

#include <functional>

#include "base/time.h"

namespace enid::control {

class Executor {
 public:
  virtual ~Executor() = default;

  // Callable from any thread. Work runs on the control thread, in order.
  virtual void post(std::function<void()> work) = 0;
  virtual void post_after(Duration delay, std::function<void()> work) = 0;
  virtual WallTime wall_time() = 0;
};

}  // namespace enid::control
