// CardHost: what makes a machine a host: the card's thread, the devices' thread and door, and what runs
// instances as namespaces and as virtual machines. `enid up` and `enid card` have one each.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/card_port_binder.h"
#include "apps/card_rules.h"
#include "apps/state_folder.h"
#include "base/ip_address.h"
#include "host/card_worker.h"
#include "host/device_thread.h"
#include "instances/device_server.h"
#include "instances/netns_runtime.h"
#include "instances/qemu_runtime.h"
#include "instances/runtimes_by_kind.h"

namespace enid::apps {

using CardSecret = std::array<std::uint8_t, 32>;  // Signs the tokens of the metadata service.

struct CardHostOptions {
  StateFolder folder{kDefaultState};
  std::uint64_t seed = 1;
  CardSecret secret{};
  std::vector<std::string> hidden_folders = {};  // What instances may not see, besides `folder`.
  CardRules rules = {};
  std::optional<Ipv4Address> underlay_address = {};  // Without, its instances reach no other host's.
};

class CardHost {
 public:
  static Result<std::unique_ptr<CardHost>> create(const CardHostOptions& options);

  host::CardWorker& worker() { return *worker_; }
  instances::DeviceServer& devices() { return *devices_; }
  control::InstanceRuntime& runtime() { return *runtime_; }
  // Stops every instance, waits, and says in the log what did not stop.
  void stop_instances();

 private:
  CardHost() = default;

  // Each stands on those above it.
  std::unique_ptr<host::CardWorker> worker_;
  std::unique_ptr<host::DeviceThread> device_thread_;
  std::unique_ptr<instances::DeviceServer> devices_;
  std::unique_ptr<CardPortBinder> binder_;
  std::unique_ptr<instances::NetnsRuntime> namespaces_;
  std::unique_ptr<instances::QemuRuntime> machines_;
  std::unique_ptr<instances::RuntimesByKind> runtime_;
};

}  // namespace enid::apps
