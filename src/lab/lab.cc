#include "lab/lab.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>

#include "lab/fabric.h"
#include "lab/lab_process.h"
#include "lab/link_forwarder.h"
#include "lab/named_namespace.h"

namespace enid::lab {
namespace {

// A forwarder gives up what it holds after eleven seconds itself.
constexpr Duration kForwarderPatience = Duration::from_seconds(15);

std::unexpected<Error> refuse(std::string message) {
  return failure(std::make_error_code(std::errc::invalid_argument), std::move(message));
}

Result<void> check_root() {
  if (::geteuid() == 0) return {};
  return failure(std::make_error_code(std::errc::operation_not_permitted),
                 "a lab is made of network namespaces, so it needs root; try: sudo enid lab …");
}

std::string name_flag(const std::string& name) { return name.empty() ? "" : " --name " + name; }

std::string forwarder_role(std::uint16_t spine) { return "forwarder spine-" + std::to_string(spine); }

// What a forwarder has to do on the links of one spine.
std::map<LinkId, Wire> wires_of(const LabRecord& record, std::uint16_t spine) {
  std::map<LinkId, Wire> wires;
  for (std::uint16_t host = 1; host <= record.plan.hosts; ++host) {
    const LinkId link{host, spine};
    const Impairment& impairment = record.impairment(link);
    const Wire wire{.delay = record.plan.delay + impairment.delay,
                    .loss = impairment.loss,
                    .rate = impairment.rate != 0 ? impairment.rate : record.plan.rate};
    if (wire.delay.nanoseconds > 0 || wire.loss > 0) wires[link] = wire;
  }
  return wires;
}

Result<void> restart_forwarder(LabRecord& record, std::uint16_t spine, const std::string& program) {
  const std::string role = forwarder_role(spine);
  if (const auto running = record.process(role)) stop_process(*running, kForwarderPatience);
  const Fabric fabric(record.plan);
  for (std::uint16_t host = 1; host <= record.plan.hosts; ++host) TRY(fabric.stop_redirecting({host, spine}));
  record.set_process(role, std::nullopt);
  TRY(record.write());
  if (wires_of(record, spine).empty()) return {};
  std::vector<std::string> arguments = {program, "lab", "forward", "--spine", std::to_string(spine)};
  if (!record.plan.name.empty()) arguments.insert(arguments.end(), {"--name", record.plan.name});
  const auto started = TRY(
      start_program({.arguments = std::move(arguments),
                     .network = record.plan.spine_namespace(spine),
                     .log_file = lab_file(record.plan.name, "-spine-" + std::to_string(spine) + ".log")}));
  record.set_process(role, started);
  return record.write();
}

void merge(Impairment& impairment, const ImpairmentChange& change) {
  if (change.rate) impairment.rate = *change.rate;
  if (change.delay) impairment.delay = *change.delay;
  if (change.loss) impairment.loss = *change.loss;
  if (change.down) impairment.down = *change.down;
}

// Links are as the record has them; the forwarders of the spines at which something is new.
Result<void> apply_links(LabRecord& record, const std::vector<LinkId>& links, const std::string& program) {
  const Fabric fabric(record.plan);
  std::set<std::uint16_t> spines;
  for (const LinkId link : links) {
    TRY(fabric.apply(link, record.impairment(link)));
    spines.insert(link.spine);
  }
  for (const std::uint16_t spine : spines) TRY(restart_forwarder(record, spine, program));
  return {};
}

Result<void> build(LabRecord& record, const LabOptions& options, const Progress& progress) {
  const FabricPlan& plan = record.plan;
  const Fabric fabric(plan);
  progress(std::to_string(plan.hosts + plan.spines) + " network namespaces: " + plan.host_namespace(1) +
           " … " + plan.spine_namespace(plan.spines));
  TRY(fabric.create_namespaces());
  progress(std::to_string(plan.links().size()) + " links, each host with each spine");
  TRY(fabric.connect_links());
  progress("routes over all spines, a path for each flow");
  TRY(fabric.route_hosts());
  if (plan.rate != 0) progress("rates and queues of the links");
  if (plan.delay.nanoseconds > 0) progress("a forwarder for each spine: delay");
  return apply_links(record, plan.links(), options.program);
}

std::string describe_process(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return std::to_string(pid) + " (" + name + ")";
}

// All at once are asked; then each is waited for.
std::size_t stop_all(const std::vector<instances::ProcessIdentity>& processes) {
  for (const auto& process : processes)
    if (process.is_alive()) ::kill(process.pid, SIGTERM);
  for (const auto& process : processes) stop_process(process, Duration::from_seconds(5));
  return processes.size();
}

// The lab's lock is held.
Result<LabRemains> remove_lab(const std::string& name, const Progress& progress,
                              const std::function<void(const LabRecord&)>& stop_hosts) {
  const std::vector<std::string> namespaces = Fabric::namespaces(name);
  std::vector<instances::ProcessIdentity> processes;
  // A damaged record is no reason to leave things behind.
  if (const auto record = LabRecord::read(name); record && *record) {
    if (stop_hosts) stop_hosts(**record);
    for (const LabProcess& process : (*record)->processes)
      if (process.identity.is_alive()) processes.push_back(process.identity);
  }
  LabRemains remains;
  for (const auto& [network, inside] : processes_in(namespaces)) {
    for (const pid_t pid : inside) {
      const auto identity = instances::ProcessIdentity::of(pid);
      if (!identity || std::ranges::find(processes, *identity) != processes.end()) continue;
      if (is_enid(pid)) {
        processes.push_back(*identity);
      } else {
        remains.left_alone.push_back(describe_process(pid) + " in " + network);
      }
    }
  }
  if (!processes.empty()) progress("stopping " + std::to_string(processes.size()) + " processes");
  remains.processes = stop_all(processes);
  if (!namespaces.empty()) progress("removing " + std::to_string(namespaces.size()) + " network namespaces");
  TRY(Fabric::remove(namespaces));
  remains.namespaces = namespaces.size();
  for (std::uint16_t spine = 1; spine <= FabricPlan::kSpinesMax; ++spine)
    ::unlink(lab_file(name, "-spine-" + std::to_string(spine) + ".log").c_str());
  ::unlink(lab_file(name, "-daemon.log").c_str());
  TRY(LabRecord::remove(name));
  return remains;
}

}  // namespace

Result<LabRecord> read_lab(const std::string& name) {
  TRY(check_lab_name(name));
  auto record = TRY(LabRecord::read(name));
  if (record) return *std::move(record);
  return refuse("there is no lab" + (name.empty() ? "" : " called " + name) + "; build one: enid lab up" +
                name_flag(name));
}

Result<LabRecord> bring_up(const LabOptions& options, const Progress& progress) {
  TRY(check_root());
  TRY(options.plan.check());
  const std::string& name = options.plan.name;
  const host::UniqueFd lock = TRY(lock_lab(name));
  if (TRY(LabRecord::read(name)) || !Fabric::namespaces(name).empty()) {
    return refuse("a lab" + (name.empty() ? "" : " called " + name) +
                  " is there already; remove it (enid lab down" + name_flag(name) +
                  ") or give this one another --name");
  }
  LabRecord record{.plan = options.plan, .network_only = options.network_only, .state = options.state};
  for (const ImpairmentChange& change : options.changes)
    for (const LinkId link : TRY(parse_links(record.plan, change.links)))
      merge(record.impairments[link], change);
  TRY(record.write());
  Result<void> built = build(record, options, progress);
  if (built && options.start_hosts) built = options.start_hosts(record);
  if (!built) {
    TRY(remove_lab(name, progress, options.stop_hosts));
    return std::unexpected(built.error());
  }
  record.complete = true;
  TRY(record.write());
  return record;
}

Result<LabRecord> change_links(const std::string& name, const ImpairmentChange& change,
                               const std::string& program) {
  TRY(check_root());
  const host::UniqueFd lock = TRY(lock_lab(name));
  LabRecord record = TRY(read_lab(name));
  const std::vector<LinkId> links = TRY(parse_links(record.plan, change.links));
  for (const LinkId link : links) merge(record.impairments[link], change);
  TRY(record.write());
  TRY(apply_links(record, links, program));
  return record;
}

Result<LabRecord> heal_links(const std::string& name, const std::string& links, const std::string& program) {
  TRY(check_root());
  const host::UniqueFd lock = TRY(lock_lab(name));
  LabRecord record = TRY(read_lab(name));
  const std::vector<LinkId> healed = TRY(parse_links(record.plan, links));
  for (const LinkId link : healed) record.impairments.erase(link);
  TRY(record.write());
  TRY(apply_links(record, healed, program));
  return record;
}

Result<LabRemains> take_down(const std::string& name, const Progress& progress,
                             const std::function<void(const LabRecord&)>& stop_hosts) {
  TRY(check_root());
  TRY(check_lab_name(name));
  const host::UniqueFd lock = TRY(lock_lab(name));
  return remove_lab(name, progress, stop_hosts);
}

Result<void> run_forwarder(const std::string& name, std::uint16_t spine) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  const host::UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  if (!signals.is_open()) return errno_failure("wait for signals");
  const LabRecord record = TRY(read_lab(name));
  const auto forwarder = TRY(LinkForwarder::create(record.plan, wires_of(record, spine)));
  if (::write(STDOUT_FILENO, kReady.data(), kReady.size()) < 0) return errno_failure("say that all is ready");
  ::dup2(STDIN_FILENO, STDOUT_FILENO);  // /dev/null; who waited need not wait for our end.
  return forwarder->run(signals.get());
}

}  // namespace enid::lab
