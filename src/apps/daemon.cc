#include "apps/daemon.h"

#include <fmt/format.h>

#include <fstream>
#include <future>

#include "api/access_keys.h"
#include "api/dispatcher.h"
#include "api/ec2/operations.h"
#include "api/gateway.h"
#include "api/generated/ec2_shapes.h"
#include "api/generated/sts_shapes.h"
#include "api/sts/sts_operations.h"
#include "apps/card_host.h"
#include "apps/device_facts.h"
#include "apps/host_registry.h"
#include "apps/machine_facts.h"
#include "apps/operator_api.h"
#include "apps/operator_http.h"
#include "apps/shutdown_signal.h"
#include "apps/stored_values.h"
#include "base/random.h"
#include "cluster/card_server.h"
#include "cluster/pair_keys.h"
#include "control/control_plane.h"
#include "host/clock.h"
#include "host/control_thread.h"
#include "host/http_listener.h"
#include "host/secure_random.h"
#include "store/sqlite/sqlite_store.h"

namespace enid::apps {
namespace {

constexpr const char* kCardSecretKey = "card/secret";
constexpr const char* kPairSecretKey = "cluster/pair-secret";

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
  ShutdownSignal shutdown;
  std::string endpoint;
  host::ControlThread control_thread;
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<api::AccessKeys> keys;
  std::unique_ptr<HostRegistry> registry;
  std::unique_ptr<CardHost> card;              // Null: this machine has none.
  std::unique_ptr<cluster::CardServer> cards;  // Before the control plane, which speaks through it.
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
    registry = TRY(HostRegistry::load(*store, host::wall_now()));
    return make_first_key(*keys);
  }

  Result<void> start_card(const DaemonOptions& options, Random& random) {
    const std::uint64_t seed = random.below(UINT64_MAX);
    if (!options.with_card) return {};
    card = TRY(CardHost::create({.folder = options.folder,
                                 .seed = seed,
                                 .secret = TRY(kept_secret(*store, kCardSecretKey)),
                                 .rules = options.rules,
                                 .underlay_address = options.underlay_address}));
    return {};
  }

  Result<void> start_control(const DaemonOptions& options, Random& random) {
    control::HostDescription local;
    if (options.underlay_address) {
      local.underlay_address = *options.underlay_address;
      local.underlay_mtu = TRY(mtu_of_device_with(*options.underlay_address));
    }
    const cluster::PairSecret secret = TRY(kept_secret(*store, kPairSecretKey));
    plane = std::make_unique<control::ControlPlane>(
        control::ControlPlane::Parts{.store = *store,
                                     .card = card ? &card->worker() : nullptr,
                                     .runtime = card ? &card->runtime() : nullptr,
                                     .executor = control_thread},
        control::ControlPlaneOptions{.seed = random.below(UINT64_MAX),
                                     .local_host = local,
                                     .network_cards = options.network_cards,
                                     .pair_key = [secret](const HostId& one, const HostId& other) {
                                       return cluster::pair_key(secret, one, other);
                                     }});
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

  // From here on, other hosts join.
  Result<void> open_to_cards(const DaemonOptions& options) {
    cluster::CardServerOptions server{
        .socket_path = options.folder.cards_socket(),
        .listen = options.cards_listen,
        .own = TRY(registry->own_credentials(host::wall_now())),
        .hosts = {.epoch = std::max<std::uint64_t>(1, host::secure_random_number()),
                  .version = ENID_VERSION}};
    cluster::CardServerHooks hooks;
    hooks.now = host::wall_now;
    hooks.admit = [this](const HostId& id, const std::string& certificate) { return admit(id, certificate); };
    hooks.join = [this](control::HostDescription description, cluster::RemoteHost& host, auto done) {
      const auto known = registry->entries();
      if (const auto entry = known.find(description.id);
          entry != known.end() && !entry->second.availability_zones.empty())
        description.availability_zones = entry->second.availability_zones;
      plane->join_host(std::move(description), host, host, std::move(done));
    };
    hooks.lose = [this](const HostId& id) { plane->host_lost(id); };
    hooks.snapshot = [this](const HostId& id, auto done) { plane->snapshot_for(id, std::move(done)); };
    cards = TRY(cluster::CardServer::create(std::move(server), std::move(hooks)));
    return {};
  }

  Result<void> admit(const HostId& id, const std::string& certificate) const {
    if (card && id.text() == control::kLocalHostName)
      return failure(std::make_error_code(std::errc::permission_denied),
                     id.text() + " is the machine of the control plane; give this host another name");
    return certificate.empty() ? Result<void>() : registry->admit(id, certificate);
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
    operator_api =
        std::make_unique<OperatorApi>(OperatorApi::Parts{.plane = *plane,
                                                         .worker = card ? &card->worker() : nullptr,
                                                         .cards = *cards,
                                                         .registry = *registry,
                                                         .keys = *keys,
                                                         .endpoint = endpoint,
                                                         .state = options.folder.path(),
                                                         .shut_down = [] { ShutdownSignal::request(); }});
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
  Random random(options.seed != 0 ? options.seed : host::secure_random_number());
  TRY(parts->open_state(options));
  TRY(parts->start_card(options, random));
  TRY(parts->start_control(options, random));
  TRY(parts->open_to_cards(options));
  TRY(parts->open_api(options, random));
  TRY(parts->open_operator_socket(options));
  if (parts->card) parts->card->devices().set_facts(device_facts(*parts->plane));
  return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Daemon::~Daemon() = default;

std::string Daemon::endpoint() const { return parts_->endpoint; }

std::uint16_t Daemon::cards_port() const { return parts_->cards->port(); }

void Daemon::wait_for_shutdown() { parts_->shutdown.wait(); }

void Daemon::stop() {
  parts_->listener->stop();
  parts_->operator_server->stop();
  parts_->cards->stop();
  if (parts_->card) {
    parts_->card->devices().set_facts(nullptr);
    parts_->card->stop_instances();
  }
  parts_->control_thread.stop();
}

}  // namespace enid::apps
