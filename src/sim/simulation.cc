#include "sim/simulation.h"

#include <algorithm>
#include <map>

#include "sim/scenario_plan.h"

namespace enid::sim {
namespace {

NetworkSettings network_settings(const Scenario& scenario, std::uint64_t seed) {
  NetworkSettings settings;
  settings.shape = scenario.shape;
  settings.seed = seed;
  settings.port = scenario.port;
  settings.card_queue_bytes = 2 * scenario.mtu;
  settings.withdraw_after = scenario.withdraw_after;
  return settings;
}

// Both transports cut a flow into the same datagrams, so that one table knows them.
std::uint32_t payload_bytes(const Scenario& scenario) { return scenario.mtu - SrdHost::kHeaderBytes; }

}  // namespace

Result<std::unique_ptr<Simulation>> Simulation::make(const Scenario& scenario, std::uint64_t seed) {
  TRY(ClosTopology::check(scenario.shape));
  const ClosTopology topology(scenario.shape);
  Random random(seed);
  std::vector<Flow> flows = TRY(
      make_flows(scenario, topology, payload_bytes(scenario), scenario.cold_contexts ? 0 : kLeadIn, random));
  if (scenario.slice > 0 &&
      flows.size() * static_cast<std::uint64_t>(scenario.end / scenario.slice + 1) > Scenario::kSlicesMax) {
    return failure(std::make_error_code(std::errc::invalid_argument),
                   "line 1: too many slices for so many flows");
  }
  std::unique_ptr<Simulation> simulation(new Simulation(scenario, seed, std::move(flows), random));
  TRY(simulation->set_up_links());
  TRY(simulation->plan_faults());
  simulation->balance_paths();
  return simulation;
}

Simulation::Simulation(const Scenario& scenario, std::uint64_t seed, std::vector<Flow> flows, Random& random)
    : scenario_(scenario),
      seed_(seed),
      begin_(scenario.cold_contexts ? 0 : kLeadIn),
      network_(network_settings(scenario, random.next())),
      flows_(std::move(flows), payload_bytes(scenario), scenario.slice) {
  srd_hosts_.resize(network_.topology().hosts());
  tcp_like_hosts_.resize(network_.topology().hosts());
  number_at_source_.resize(flows_.flows().size());
  network_.on_work([this](std::uint32_t number) { do_work(number); });
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> connections;
  for (std::uint32_t i = 0; i < flows_.flows().size(); ++i) {
    const Flow& flow = flows_[i];
    network_.at(flow.start, i);
    if (flow.sender != Sender::kSrd) {
      make_tcp_like(i);
      continue;
    }
    // One connection for each pair of hosts, whoever sends.
    const auto known = connections.find({flow.source, flow.target});
    if (known != connections.end()) {
      number_at_source_[i] = known->second;
      continue;
    }
    const auto [at_source, at_target] = make_srd(flow, random);
    number_at_source_[i] = at_source;
    connections[{flow.source, flow.target}] = at_source;
    connections[{flow.target, flow.source}] = at_target;
  }
}

Result<void> Simulation::set_up_links() {
  for (const LinkRate& link : scenario_.links) {
    for (const PortIndex port : TRY(find_ports(network_.topology(), link.links, link.line))) {
      PortSettings settings = network_.port(port).settings();
      settings.bits_per_second = link.bits_per_second.value_or(settings.bits_per_second);
      settings.latency = link.latency.value_or(settings.latency);
      network_.port(port).set_up(settings);
    }
  }
  for (PortIndex port = 0; port < network_.topology().ports(); ++port) {
    healthy_rates_.push_back(network_.port(port).settings().bits_per_second);
  }
  return {};
}

Result<void> Simulation::plan_faults() {
  const auto first = static_cast<std::uint32_t>(flows_.flows().size());
  for (const Fault& fault : scenario_.faults) {
    std::vector<PortIndex> ports = TRY(find_ports(network_.topology(), fault.links, fault.line));
    network_.at(begin_ + fault.when, first + static_cast<std::uint32_t>(faults_.size()));
    faults_.push_back({fault, std::move(ports)});
  }
  return {};
}

// Looks for source ports that the first switch hashes to the way up whose turn it is.
void Simulation::balance_paths() {
  const std::uint32_t ways = scenario_.shape.aggregations_per_pod;
  for (std::uint32_t i = 0; i < flows_.flows().size(); ++i) {
    const Flow& flow = flows_[i];
    if (!scenario_.traffic[flow.group].balanced || flow.sender == Sender::kSrd) continue;
    if (network_.topology().links_between(flow.source, flow.target) == 2) continue;
    const std::uint32_t leaf = flow.source / scenario_.shape.hosts_per_leaf;
    const PortIndex wanted = network_.topology().leaf_up(leaf, flow.number_in_group % ways);
    for (std::uint32_t port = 49'152; port < 65'536; ++port) {
      const auto source_port = static_cast<std::uint16_t>(port);
      if (network_.path_of(flow.source, flow.target, source_port)[1] != wanted) continue;
      flows_.set_source_port(i, source_port);
      break;
    }
  }
}

srd::Settings Simulation::srd_settings(Random& random) const {
  srd::Settings settings;
  settings.incarnation = random.next() | 1;
  settings.authenticate = false;  // Nobody forges here, and tags would be half of the run's time.
  settings.link_bits_per_second = scenario_.port.bits_per_second;
  settings.payload_bytes_max = payload_bytes(scenario_);
  settings.paths = scenario_.srd_paths;
  settings.ecn = scenario_.srd_ecn;
  // What an operator would configure: the longest way without queues, there with a full packet and back.
  const std::int64_t links = network_.topology().cores() > 0 ? 6 : 4;
  const auto packet = static_cast<Picoseconds>(std::uint64_t{scenario_.mtu} * 8 * (kSecond / 1'000'000) /
                                               (scenario_.port.bits_per_second / 1'000'000));
  settings.base_rtt = to_instant(links * (2 * scenario_.port.latency + packet)) - Instant{};
  if (scenario_.srd_target_delay) settings.target_delay = to_instant(*scenario_.srd_target_delay) - Instant{};
  settings.queue_messages = 64;  // Flows take turns in front of it.
  return settings;
}

std::pair<std::uint32_t, std::uint32_t> Simulation::make_srd(const Flow& flow, Random& random) {
  for (const std::uint32_t host : {flow.source, flow.target}) {
    if (srd_hosts_[host] != nullptr) continue;
    srd_hosts_[host] = std::make_unique<SrdHost>(scenario_.port.bits_per_second, flows_);
    network_.set_endpoint(host, Transport::kSrd, srd_hosts_[host].get());
  }
  srd::Settings settings = srd_settings(random);
  settings.pair_key = {random.next(), random.next()};
  const std::uint32_t at_source =
      srd_hosts_[flow.source]->add_connection(flow.target, settings, random.next());
  settings.incarnation = random.next() | 1;
  const std::uint32_t at_target =
      srd_hosts_[flow.target]->add_connection(flow.source, settings, random.next());
  srd_hosts_[flow.source]->join(at_source, at_target);
  srd_hosts_[flow.target]->join(at_target, at_source);
  if (!scenario_.cold_contexts) {
    srd_hosts_[flow.source]->connect(0, at_source);
    network_.kick(flow.source);
  }
  return {at_source, at_target};
}

void Simulation::make_tcp_like(std::uint32_t number) {
  const Flow& flow = flows_[number];
  for (const std::uint32_t host : {flow.source, flow.target}) {
    if (tcp_like_hosts_[host] != nullptr) continue;
    tcp_like_hosts_[host] = std::make_unique<TcpLikeHost>(scenario_.tcp_like, flows_);
    network_.set_endpoint(host, Transport::kTcpLike, tcp_like_hosts_[host].get());
  }
  const std::uint32_t sender = tcp_like_hosts_[flow.source]->add_sender(number);
  tcp_like_hosts_[flow.source]->join_sender(sender, tcp_like_hosts_[flow.target]->add_receiver(number));
  number_at_source_[number] = sender;
}

bool Simulation::run_for(Picoseconds slice) {
  // In small steps, so that the run ends soon after its last flow does.
  constexpr Picoseconds kStep = 5 * kMicrosecond;
  const Picoseconds last = begin_ + scenario_.end;
  const Picoseconds stop = std::min(network_.now() + slice, last);
  while (network_.now() < stop) {
    if (flows_.all_finished()) return false;
    network_.run_until(std::min(network_.now() + kStep, stop));
  }
  return network_.now() < last && !flows_.all_finished();
}

void Simulation::do_work(std::uint32_t number) {
  const auto first_fault = static_cast<std::uint32_t>(flows_.flows().size());
  if (number < first_fault) {
    start_flow(number);
  } else {
    apply(faults_[number - first_fault]);
  }
}

void Simulation::start_flow(std::uint32_t number) {
  const Flow& flow = flows_[number];
  if (flow.sender == Sender::kSrd) {
    srd_hosts_[flow.source]->start_flow(network_.now(), number, number_at_source_[number]);
  } else {
    tcp_like_hosts_[flow.source]->start_flow(number_at_source_[number]);
  }
  network_.kick(flow.source);
}

void Simulation::apply(const PlannedFault& planned) {
  const Fault& fault = planned.fault;
  for (const PortIndex port : planned.ports) {
    switch (fault.kind) {
      case Fault::Kind::kCut:
        network_.cut(port);
        break;
      case Fault::Kind::kRepair:
        network_.repair(port);
        break;
      case Fault::Kind::kLoss:
        network_.port(port).set_loss(fault.fraction);
        break;
      case Fault::Kind::kRate: {
        const auto part =
            static_cast<std::uint64_t>(static_cast<double>(healthy_rates_[port]) * fault.fraction);
        network_.set_rate(port, fault.bits_per_second != 0 ? fault.bits_per_second : part);
        break;
      }
    }
  }
}

}  // namespace enid::sim
