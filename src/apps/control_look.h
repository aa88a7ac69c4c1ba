// What the control thread knows, copied out for another thread.
#pragma once

#include <functional>
#include <future>

#include "control/control_plane.h"

namespace enid::apps {

// Waits for `at`, which runs on the control thread.
template <class T>
T look(control::ControlPlane& plane,
       std::function<T(const control::ControlPlane::Regions&, store::Revision)> at) {
  std::promise<T> promise;
  plane.inspect([&](const control::ControlPlane::Regions& regions, store::Revision durable) {
    promise.set_value(at(regions, durable));
  });
  return promise.get_future().get();
}

}  // namespace enid::apps
