#include "apps/lab_hosts.h"

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/operator_client.h"
#include "apps/state_folder.h"
#include "instances/instance_folder.h"
#include "instances/process_identity.h"
#include "lab/lab_process.h"

namespace enid::apps {
namespace {

// Chosen: dozens of cards on a busy machine; a card takes some tenths of a second.
constexpr int kJoinPatienceMs = 60'000;
constexpr int kStepMs = 50;

std::string host_name(std::uint16_t host) { return "host-" + std::to_string(host); }
std::string card_role(std::uint16_t host) { return "card " + host_name(host); }
std::string host_folder(const lab::LabRecord& record, std::uint16_t host) {
  return record.state + "/hosts/" + host_name(host);
}
std::string card_log(const lab::LabRecord& record, std::uint16_t host) {
  return host_folder(record, host) + "/card.log";
}

std::unexpected<Error> broken(std::string message) {
  return failure(std::make_error_code(std::errc::no_child_process), std::move(message));
}

Result<void> start_daemon(lab::LabRecord& record, const std::string& program, const std::string& listen,
                          const TellLine& tell) {
  const StateFolder folder(record.state);
  if (const auto pid = folder.running_daemon()) {
    tell("the daemon of " + record.state + ", process " + std::to_string(*pid) + ", which runs already");
    return {};
  }
  tell("a daemon on " + record.state + " for all hosts");
  record.daemon_is_ours = true;
  TRY(record.write());
  const std::string log = lab::lab_file(record.plan.name, "-daemon.log");
  const int status = TRY(lab::run_program(
      {.arguments = {program, "up", "--detach", "--no-card", "--state", record.state, "--listen", listen},
       .log_file = log}));
  if (status == 0) return {};
  const std::string said = lab::last_line(log);
  return broken(said.empty() ? "the daemon does not start; see " + folder.log_file() : said);
}

Result<void> start_card(lab::LabRecord& record, std::uint16_t host, const std::string& program) {
  std::error_code error;
  std::filesystem::create_directories(host_folder(record, host), error);
  if (error) return failure(error, "make " + host_folder(record, host));
  const auto identity = TRY(
      lab::start_program({.arguments = {program, "card", "--host-id", host_name(host), "--api",
                                        "unix:" + record.state + "/cards.sock", "--address",
                                        lab::host_address(host).text(), "--state", host_folder(record, host)},
                          .network = record.plan.host_namespace(host),
                          .log_file = card_log(record, host),
                          .says_ready = false}));
  record.set_process(card_role(host), identity);
  return record.write();
}

Result<std::set<std::string>> connected_hosts(const StateFolder& folder) {
  const nlohmann::json status = TRY(ask_daemon(folder, "GET", "/status"));
  std::set<std::string> connected;
  for (const auto& host : status.value("hosts", nlohmann::json::array()))
    if (host.value("connected", false)) connected.insert(host.value("id", ""));
  return connected;
}

// Those whose card is gone and cannot stop them: namespaces end with their process 1, machines with QEMU.
void end_instances(const StateFolder& host_folder) {
  for (const std::string& kind : {host_folder.instances(), host_folder.machines()}) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(kind, ignored)) {
      const instances::InstanceFolder instance(entry.path().string());
      const auto identity = instances::ProcessIdentity::parse(instance.read("process"));
      if (identity) lab::stop_process(*identity, Duration::from_seconds(2));
    }
  }
}

Result<void> await_hosts(const lab::LabRecord& record) {
  const StateFolder folder(record.state);
  for (int waited = 0; waited < kJoinPatienceMs; waited += kStepMs) {
    const std::set<std::string> connected = TRY(connected_hosts(folder));
    bool all = true;
    for (std::uint16_t host = 1; host <= record.plan.hosts; ++host) {
      all = all && connected.contains(host_name(host));
      const auto card = record.process(card_role(host));
      if (card && !card->is_alive())
        return broken("the card of " + host_name(host) + " ended: " + lab::last_line(card_log(record, host)));
    }
    if (all) return {};
    ::usleep(kStepMs * 1000);
  }
  return broken("not all cards found the daemon within a minute; see " + card_log(record, 1));
}

}  // namespace

Result<void> start_lab_hosts(lab::LabRecord& record, const std::string& program, const std::string& listen,
                             const TellLine& tell) {
  TRY(start_daemon(record, program, listen, tell));
  tell(std::to_string(record.plan.hosts) + " cards, one in each host");
  for (std::uint16_t host = 1; host <= record.plan.hosts; ++host) TRY(start_card(record, host, program));
  return await_hosts(record);
}

void stop_lab_hosts(const lab::LabRecord& record, const std::string& program, const TellLine& tell) {
  if (record.network_only) return;
  const std::string log = lab::lab_file(record.plan.name, "-daemon.log");
  const auto stop = [&](const std::string& state) {
    if (!StateFolder(state).running_daemon()) return;
    const auto status = lab::run_program({.arguments = {program, "down", "--state", state}, .log_file = log});
    if (!status || *status != 0) tell("what runs on " + state + " did not stop: " + lab::last_line(log));
  };
  if (record.daemon_is_ours)
    tell("the daemon, the cards and their instances; the state stays in " + record.state);
  if (record.daemon_is_ours) stop(record.state);
  for (std::uint16_t host = 1; host <= record.plan.hosts; ++host) {
    stop(host_folder(record, host));
    end_instances(StateFolder(host_folder(record, host)));
  }
}

}  // namespace enid::apps
