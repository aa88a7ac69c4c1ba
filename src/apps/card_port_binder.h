// CardPortBinder: the TAPs of instances in namespaces, handed to the card's thread. A user's own device that
// has the interface gives way.
#pragma once

#include <spdlog/spdlog.h>

#include <utility>

#include "host/card_worker.h"
#include "instances/device_server.h"
#include "instances/port_binder.h"

namespace enid::apps {

class CardPortBinder final : public instances::PortBinder {
 public:
  CardPortBinder(host::CardWorker& worker, instances::DeviceServer& devices)
      : worker_(worker), devices_(devices) {}

  void bind(const NetworkInterfaceId& interface, int tap_fd, std::function<void()> done) override {
    devices_.claim(interface);
    worker_.bind_port(interface, host::UniqueFd(tap_fd),
                      [id = interface.text(), done = std::move(done)](const Result<void>& result) {
                        if (!result)
                          spdlog::error("the card cannot use the device of {}: {}", id,
                                        result.error().message);
                        done();
                      });
  }
  void unbind(const NetworkInterfaceId& interface, std::function<void()> done) override {
    worker_.unbind_port(interface, [this, interface, done = std::move(done)] {
      devices_.release(interface);
      done();
    });
  }

 private:
  host::CardWorker& worker_;
  instances::DeviceServer& devices_;
};

}  // namespace enid::apps
