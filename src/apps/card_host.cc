#include "apps/card_host.h"

#include <spdlog/spdlog.h>

#include <future>

#include "apps/companion_programs.h"

namespace enid::apps {

Result<std::unique_ptr<CardHost>> CardHost::create(const CardHostOptions& options) {
  std::unique_ptr<CardHost> host(new CardHost);
  host::CardWorkerOptions worker;
  worker.card.seed = options.seed;
  worker.card.services.secret = options.secret;
  worker.card.single_flow_limits = options.rules.single_flow_limits;
  worker.card.express.across_zones = options.rules.express_across_zones;
  if (options.underlay_address)
    worker.underlay = host::UdpUnderlayOptions{.address = *options.underlay_address};
  host->worker_ = TRY(host::CardWorker::create(worker));
  host->device_thread_ = TRY(host::DeviceThread::create());
  host->devices_ = TRY(instances::DeviceServer::create(options.folder.devices_socket(), *host->device_thread_,
                                                       *host->worker_));
  host->binder_ = std::make_unique<CardPortBinder>(*host->worker_, *host->devices_);
  instances::NetnsRuntimeOptions namespaces;
  namespaces.state_folder = options.folder.instances();
  namespaces.hidden_folders = options.hidden_folders;
  namespaces.hidden_folders.push_back(options.folder.path());
  host->namespaces_ = TRY(instances::NetnsRuntime::create(namespaces, *host->binder_));
  host->machines_ = TRY(instances::QemuRuntime::create({.machines_folder = options.folder.machines(),
                                                        .state_folder = options.folder.path(),
                                                        .fetch_program = guest_fetch_program(),
                                                        .agent_program = guest_agent_program(),
                                                        .device_program = own_program()},
                                                       *host->devices_));
  host->runtime_ = std::make_unique<instances::RuntimesByKind>(*host->namespaces_, *host->machines_);
  return host;
}

void CardHost::stop_instances() {
  std::promise<void> stopped;
  runtime_->stop_all([&](const Result<void>& result) {
    if (!result) spdlog::error("not every instance stopped: {}", result.error().message);
    stopped.set_value();
  });
  stopped.get_future().wait();
}

}  // namespace enid::apps
