#include "apps/card_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "apps/card_host.h"
#include "apps/card_operator_api.h"
#include "apps/machine_facts.h"
#include "apps/operator_http.h"
#include "apps/shutdown_signal.h"
#include "cluster/card_client.h"
#include "cluster/codec.h"
#include "host/clock.h"
#include "host/secure_random.h"

namespace enid::apps {
namespace {

// Chosen: how often it is looked whether there is something to keep, and consoles to tell of.
constexpr auto kKeepPeriod = std::chrono::milliseconds(100);
constexpr int kConsoleEvery = 10;
// Chosen: how long the start waits for a first word of the control plane.
constexpr auto kFirstWord = std::chrono::seconds(5);

Result<void> write_file(const std::string& path, std::string_view bytes) {
  const std::string next = path + ".next";
  const host::UniqueFd file(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return errno_failure("open " + next);
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return errno_failure("write " + next);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::rename(next.c_str(), path.c_str()) != 0) return errno_failure("rename " + next);
  return {};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<CardSecret> kept_card_secret(const StateFolder& folder) {
  CardSecret secret{};
  const std::string kept = read_file(folder.card_secret());
  if (kept.size() == secret.size()) {
    std::memcpy(secret.data(), kept.data(), secret.size());
    return secret;
  }
  host::fill_with_secure_random(secret);
  TRY(write_file(folder.card_secret(), {reinterpret_cast<const char*>(secret.data()), secret.size()}));
  return secret;
}

// No control plane places a user's own device: other hosts would not know where the interface is.
void refuse_users_devices(const NetworkInterfaceId& interface,
                          const std::function<void(Result<instances::DeviceFacts>)>& done) {
  done(failure(std::make_error_code(std::errc::operation_not_supported),
               "a device of your own for " + interface.text() +
                   " needs the state of enid up, on the machine of the control plane; this is a card's"));
}

// The state of the daemon that this card belongs to, when it is on this machine.
std::vector<std::string> daemon_folder(std::string_view api) {
  constexpr std::string_view kSocket = "unix:";
  if (!api.starts_with(kSocket)) return {};
  const std::filesystem::path folder = std::filesystem::absolute(api.substr(kSocket.size())).parent_path();
  std::error_code code;
  if (!std::filesystem::exists(StateFolder(folder.string()).database(), code)) return {};
  return {folder.string()};
}

}  // namespace

// In the order of their making; each stands on those above it.
struct CardProcess::Parts {
  Parts(StateLock state_lock, CardProcessOptions with)
      : lock(std::move(state_lock)), options(std::move(with)) {}

  ~Parts() {
    end_keeper();
    client.reset();
    if (agent) agent->end();
    host.reset();  // What it still has to say comes to the agent.
  }

  Result<void> start_host() {
    host = TRY(CardHost::create({.folder = options.folder,
                                 .seed = host::secure_random_number(),
                                 .secret = TRY(kept_card_secret(options.folder)),
                                 .hidden_folders = daemon_folder(options.api),
                                 .rules = options.rules,
                                 .underlay_address = options.underlay_address}));
    host->devices().set_facts(refuse_users_devices);
    cluster::Hello facts;
    facts.host = options.host;
    facts.incarnation = host::secure_random_number();
    facts.availability_zones = options.availability_zones;
    facts.underlay_address = options.underlay_address;
    facts.underlay_mtu = TRY(mtu_of_device_with(options.underlay_address));
    facts.network_cards = options.network_cards;
    facts.state_folder = options.folder.path();
    facts.machine_boot_id = machine_boot_id();
    facts.version = ENID_VERSION;
    agent = std::make_unique<cluster::CardAgent>(std::move(facts), host->worker(), host->runtime());
    return {};
  }

  void restore() {
    const std::string kept = read_file(options.folder.kept_program());
    if (kept.empty()) return;
    auto program = cluster::decode_kept_program(kept);
    if (!program) {
      spdlog::warn("{} cannot be used: {}", options.folder.kept_program(), program.error().message);
      return;
    }
    std::promise<void> applied;
    agent->restore(*std::move(program), [&] { applied.set_value(); });
    applied.get_future().wait();
  }

  void connect() {
    cluster::CardClientOptions client_options;
    client_options.target = options.api;
    client_options.credentials = options.credentials;
    client = std::make_unique<cluster::CardClient>(
        std::move(client_options), *agent,
        [this](const Error& why, bool refused) { on_stream_ended(why, refused); });
  }

  void on_stream_ended(const Error& why, bool refused) {
    const std::lock_guard guard(mutex);
    if (last_words != why.message) spdlog::warn("control plane at {}: {}", options.api, why.message);
    last_words = why.message;
    if (refused && !was_programmed) refusal = why;
    changed.notify_all();
  }

  // Until the control plane has spoken for the first time, or has not for a while.
  Result<void> await_first_word() {
    std::unique_lock guard(mutex);
    changed.wait_for(guard, kFirstWord, [this] { return was_programmed || refusal.has_value(); });
    if (refusal) return std::unexpected(*refusal);
    return {};
  }

  // Keeps what there is to keep, tells of consoles, and takes the instances over at the start.
  void run_keeper() {
    const Instant started = host::monotonic_now();
    std::uint64_t kept = 0;
    bool adopted = false;
    for (int round = 1;; ++round) {
      const bool programmed = agent->is_programmed();
      if (!adopted && (programmed || host::monotonic_now() - started > kWaitForControl)) {
        adopted = true;
        agent->adopt_kept();
      }
      if (const std::uint64_t now = agent->changes(); now != kept) {
        const Result<void> written =
            write_file(options.folder.kept_program(), cluster::encode(agent->kept()));
        if (written)
          kept = now;
        else
          spdlog::error("cannot keep the program: {}", written.error().message);
      }
      if (round % kConsoleEvery == 0) agent->look_at_consoles();
      std::unique_lock guard(mutex);
      if (programmed) {
        was_programmed = true;
        last_words.clear();
        changed.notify_all();
      }
      if (keeper_ends) return;
      changed.wait_for(guard, adopted ? kKeepPeriod : std::chrono::milliseconds(5),
                       [this] { return keeper_ends; });
    }
  }

  void end_keeper() {
    {
      const std::lock_guard guard(mutex);
      keeper_ends = true;
    }
    changed.notify_all();
    if (keeper.joinable()) keeper.join();
  }

  Result<void> open_operator_socket() {
    operator_api = std::make_unique<CardOperatorApi>(CardOperatorApi::Parts{.host = options.host,
                                                                            .worker = host->worker(),
                                                                            .agent = *agent,
                                                                            .api = options.api,
                                                                            .state = options.folder.path(),
                                                                            .shut_down = [this] {
                                                                              stop_instances = true;
                                                                              ShutdownSignal::request();
                                                                            }});
    operator_server = TRY(OperatorServer::create(
        options.folder.socket(), [this](const OperatorRequest& request, OperatorAnswer& answer) {
          operator_api->handle(request, answer);
        }));
    return {};
  }

  StateLock lock;
  const CardProcessOptions options;
  ShutdownSignal shutdown;
  std::atomic<bool> stop_instances = false;
  std::unique_ptr<cluster::CardAgent> agent;
  std::unique_ptr<CardHost> host;  // Ends before the agent, which hears its last words.
  std::unique_ptr<cluster::CardClient> client;
  std::unique_ptr<CardOperatorApi> operator_api;
  std::unique_ptr<OperatorServer> operator_server;
  std::thread keeper;

  mutable std::mutex mutex;  // Guards what follows.
  std::condition_variable changed;
  bool keeper_ends = false;
  bool was_programmed = false;
  std::string last_words = "it has not answered yet";
  std::optional<Error> refusal;
};

Result<std::unique_ptr<CardProcess>> CardProcess::create(const CardProcessOptions& options) {
  auto parts = std::make_unique<Parts>(TRY(StateLock::take(options.folder)), options);
  TRY(parts->lock.write_pid());
  TRY(parts->start_host());
  parts->restore();
  parts->keeper = std::thread([each = parts.get()] { each->run_keeper(); });
  parts->connect();
  TRY(parts->await_first_word());
  TRY(parts->open_operator_socket());
  return std::unique_ptr<CardProcess>(new CardProcess(std::move(parts)));
}

CardProcess::CardProcess(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

CardProcess::~CardProcess() = default;

std::string CardProcess::waiting_for() const {
  const std::lock_guard guard(parts_->mutex);
  return parts_->last_words;
}

void CardProcess::wait_for_shutdown() { parts_->shutdown.wait(); }

void CardProcess::stop() {
  parts_->operator_server->stop();
  parts_->client.reset();
  if (parts_->stop_instances) parts_->host->stop_instances();
  parts_->end_keeper();
}

}  // namespace enid::apps
