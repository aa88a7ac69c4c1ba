// CardPortBinder: the runtime's devices, handed to the card's thread.
#pragma once

#include <spdlog/spdlog.h>

#include <utility>

#include "host/card_worker.h"
#include "instances/port_binder.h"

namespace enid::apps {

class CardPortBinder final : public instances::PortBinder {
 public:
  explicit CardPortBinder(host::CardWorker& worker) : worker_(worker) {}

  void bind(const NetworkInterfaceId& interface, int tap_fd, std::function<void()> done) override {
    worker_.bind_port(interface, host::UniqueFd(tap_fd),
                      [id = interface.text(), done = std::move(done)](const Result<void>& result) {
                        if (!result)
                          spdlog::error("the card cannot use the device of {}: {}", id,
                                        result.error().message);
                        done();
                      });
  }
  void unbind(const NetworkInterfaceId& interface, std::function<void()> done) override {
    worker_.unbind_port(interface, std::move(done));
  }

 private:
  host::CardWorker& worker_;
};

}  // namespace enid::apps
