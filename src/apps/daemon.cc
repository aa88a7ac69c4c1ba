#include "apps/daemon.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <future>

#include "api/access_keys.h"
#include "api/dispatcher.h"
#include "api/ec2/operations.h"
#include "api/gateway.h"
#include "api/generated/ec2_shapes.h"
#include "api/generated/sts_shapes.h"
#include "api/sts/sts_operations.h"
#include "apps/card_port_binder.h"
#include "apps/companion_programs.h"
#include "apps/device_facts.h"
#include "apps/operator_api.h"
#include "apps/operator_http.h"
#include "base/check.h"
#include "base/random.h"
#include "control/control_plane.h"
#include "host/card_worker.h"
#include "host/clock.h"
#include "host/control_thread.h"
#include "host/device_thread.h"
#include "host/http_listener.h"
#include "host/secure_random.h"
#include "host/unique_fd.h"
#include "instances/device_server.h"
#include "instances/netns_runtime.h"
#include "instances/qemu_runtime.h"
#include "instances/runtimes_by_kind.h"
#include "store/sqlite/sqlite_store.h"

namespace enid::apps {
namespace {

constexpr const char* kCardSecretKey = "card/secret";

int shutdown_event = -1;  // Written by the signal handler.

void on_signal(int) {
  const std::uint64_t one = 1;
  if (::write(shutdown_event, &one, sizeof one) < 0) { /* It is written already. */
  }
}

std::uint64_t system_seed() {
  return std::bit_cast<std::uint64_t>(host::secure_random<sizeof(std::uint64_t)>());
}

using Secret = std::array<std::uint8_t, 32>;

// The secret that signs metadata tokens lives as long as the state: tokens outlive a restart.
Result<Secret> card_secret(store::KeyValueStore& store) {
  Secret secret{};
  const std::optional<store::Entry> kept = TRY(store.get(kCardSecretKey));
  if (kept && kept->value.size() == secret.size()) {
    std::memcpy(secret.data(), kept->value.data(), secret.size());
    return secret;
  }
  host::fill_with_secure_random(secret);
  std::promise<Result<store::CommitResult>> done;
  store.commit({.compares = {}, .writes = {{kCardSecretKey, std::string(secret.begin(), secret.end())}}},
               [&](Result<store::CommitResult> result) { done.set_value(std::move(result)); });
  TRY(done.get_future().get());
  return secret;
}

Result<void> make_first_key(api::AccessKeys& keys) {
  if (!keys.list().empty()) return {};
  std::promise<Result<api::AccessKey>> done;
  keys.create(host::secure_random<sizeof(api::AccessKeys::Entropy)>(), host::wall_now(),
              [&](Result<api::AccessKey> result) { done.set_value(std::move(result)); });
  TRY(done.get_future().get());
  return {};
}

Result<void> write_endpoint(const StateFolder& folder, const std::string& endpoint) {
  std::ofstream file(folder.endpoint_file(), std::ios::trunc);
  file << endpoint << "\n";
  file.close();
  if (!file) return errno_failure("write " + folder.endpoint_file());
  return {};
}

}  // namespace

// In the order of their making; each stands on those above it.
struct Daemon::Parts {
  explicit Parts(StateLock state_lock) : lock(std::move(state_lock)) {}

  StateLock lock;
  host::UniqueFd shutdown;
  std::string endpoint;
  host::ControlThread control_thread;
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<api::AccessKeys> keys;
  std::unique_ptr<host::CardWorker> worker;
  std::unique_ptr<host::DeviceThread> device_thread;
  std::unique_ptr<instances::DeviceServer> devices;
  std::unique_ptr<CardPortBinder> binder;
  std::unique_ptr<instances::NetnsRuntime> namespaces;
  std::unique_ptr<instances::QemuRuntime> machines;
  std::unique_ptr<instances::RuntimesByKind> runtime;
  std::unique_ptr<control::ControlPlane> plane;
  api::OperationTable ec2{api::ec2::service_shape()};
  api::OperationTable sts{api::sts::service_shape()};
  api::IdempotencyTable tokens;
  api::Dispatcher dispatcher{{&ec2, &sts}, tokens};
  std::unique_ptr<api::Gateway> gateway;
  std::unique_ptr<host::HttpListener> listener;
  std::unique_ptr<OperatorApi> operator_api;
  std::unique_ptr<OperatorServer> operator_server;

  Result<void> open_state(const DaemonOptions& options) {
    store = TRY(store::SqliteStore::open(options.folder.database()));
    keys = TRY(api::AccessKeys::load(*store));
    return make_first_key(*keys);
  }

  Result<void> start_card(const DaemonOptions& options, Random& random) {
    host::CardWorkerOptions worker_options;
    worker_options.card.seed = random.below(UINT64_MAX);
    worker_options.card.services.secret = TRY(card_secret(*store));
    worker = TRY(host::CardWorker::create(worker_options));
    device_thread = TRY(host::DeviceThread::create());
    devices = TRY(instances::DeviceServer::create(options.folder.devices_socket(), *device_thread, *worker));
    binder = std::make_unique<CardPortBinder>(*worker, *devices);
    return {};
  }

  Result<void> start_runtime(const DaemonOptions& options) {
    instances::NetnsRuntimeOptions runtime_options;
    runtime_options.state_folder = options.folder.instances();
    runtime_options.hidden_folder = options.folder.path();
    namespaces = TRY(instances::NetnsRuntime::create(runtime_options, *binder));
    machines = TRY(instances::QemuRuntime::create({.machines_folder = options.folder.machines(),
                                                   .state_folder = options.folder.path(),
                                                   .fetch_program = guest_fetch_program(),
                                                   .agent_program = guest_agent_program(),
                                                   .device_program = own_program()},
                                                  *devices));
    runtime = std::make_unique<instances::RuntimesByKind>(*namespaces, *machines);
    return {};
  }

  Result<void> start_control(const DaemonOptions& options, Random& random) {
    plane = std::make_unique<control::ControlPlane>(
        control::ControlPlane::Parts{
            .store = *store, .card = worker.get(), .runtime = runtime.get(), .executor = control_thread},
        control::ControlPlaneOptions{.seed = random.below(UINT64_MAX),
                                     .network_cards = options.network_cards});
    Result<void> recovered;
    control_thread.run([&] { recovered = plane->recover(); });
    TRY(std::move(recovered));
    std::promise<void> restored;
    plane->inspect([&](const control::ControlPlane::Regions& regions, store::Revision) {
      api::restore_client_tokens(regions, tokens, host::wall_now());
      restored.set_value();
    });
    restored.get_future().wait();
    return {};
  }

  Result<void> open_api(const DaemonOptions& options, Random& random) {
    api::ec2::add_operations(ec2);
    api::sts::add_operations(sts);
    gateway = std::make_unique<api::Gateway>(*plane, dispatcher, tokens, *keys, host::wall_now,
                                             api::GatewayOptions{.auth_none = options.auth_none,
                                                                 .strict_images = options.strict_images,
                                                                 .seed = random.below(UINT64_MAX)});
    listener =
        TRY(host::HttpListener::create({.host = options.host, .port = options.port},
                                       [this](api::HttpRequest request, host::HttpListener::Respond respond) {
                                         gateway->handle(std::move(request), std::move(respond));
                                       }));
    endpoint = fmt::format("http://{}:{}", options.host, listener->port());
    return write_endpoint(options.folder, endpoint);
  }

  Result<void> open_operator_socket(const DaemonOptions& options) {
    operator_api = std::make_unique<OperatorApi>(OperatorApi::Parts{.plane = *plane,
                                                                    .worker = *worker,
                                                                    .keys = *keys,
                                                                    .endpoint = endpoint,
                                                                    .state = options.folder.path(),
                                                                    .shut_down = [] { on_signal(0); }});
    operator_server = TRY(OperatorServer::create(
        options.folder.socket(), [this](const OperatorRequest& request, OperatorAnswer& answer) {
          operator_api->handle(request, answer);
        }));
    return {};
  }
};

Result<std::unique_ptr<Daemon>> Daemon::create(const DaemonOptions& options) {
  auto parts = std::make_unique<Parts>(TRY(StateLock::take(options.folder)));
  TRY(parts->lock.write_pid());
  parts->shutdown = host::UniqueFd(::eventfd(0, EFD_CLOEXEC));
  shutdown_event = parts->shutdown.get();
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);

  Random random(options.seed != 0 ? options.seed : system_seed());
  TRY(parts->open_state(options));
  TRY(parts->start_card(options, random));
  TRY(parts->start_runtime(options));
  TRY(parts->start_control(options, random));
  TRY(parts->open_api(options, random));
  TRY(parts->open_operator_socket(options));
  parts->devices->set_facts(device_facts(*parts->plane));
  return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Daemon::~Daemon() = default;

std::string Daemon::endpoint() const { return parts_->endpoint; }

void Daemon::wait_for_shutdown() {
  pollfd event{.fd = parts_->shutdown.get(), .events = POLLIN, .revents = 0};
  while (::poll(&event, 1, -1) < 0 && errno == EINTR) {
  }
}

void Daemon::stop() {
  parts_->listener->stop();
  parts_->operator_server->stop();
  parts_->devices->set_facts(nullptr);
  std::promise<void> stopped;
  parts_->runtime->stop_all([&](const Result<void>& result) {
    if (!result) spdlog::error("not every instance stopped: {}", result.error().message);
    stopped.set_value();
  });
  stopped.get_future().wait();
  parts_->control_thread.stop();
}

}  // namespace enid::apps
