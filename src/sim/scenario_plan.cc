#include "sim/scenario_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace enid::sim {
namespace {

std::unexpected<Error> wrong(std::uint32_t line, const std::string& why) {
  return failure(std::make_error_code(std::errc::invalid_argument), fmt::format("line {}: {}", line, why));
}

Result<std::vector<std::uint32_t>> hosts_of(const std::vector<HostRange>& ranges, std::uint32_t hosts,
                                            std::uint32_t line) {
  std::vector<std::uint32_t> all;
  for (const HostRange& range : ranges) {
    if (range.last >= hosts) return wrong(line, fmt::format("no host {}; there are {}", range.last, hosts));
    for (std::uint32_t host = range.first; host <= range.last; ++host) all.push_back(host);
    if (all.size() > ClosTopology::kHostsMax) return wrong(line, "too many hosts in the list");
  }
  return all;
}

using Pair = std::pair<std::uint32_t, std::uint32_t>;

// One cycle through all hosts in random order (Sattolo's algorithm): nobody is paired with themselves.
std::vector<Pair> permutation(const std::vector<std::uint32_t>& hosts, Random& random) {
  std::vector<std::uint32_t> targets = hosts;
  for (std::size_t i = targets.size(); i > 1; --i) std::swap(targets[i - 1], targets[random.below(i - 1)]);
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < hosts.size(); ++i) pairs.emplace_back(hosts[i], targets[i]);
  return pairs;
}

Result<std::vector<Pair>> pairs_of(const Traffic& traffic, const ClosTopology& topology, Random& random) {
  std::vector<std::uint32_t> from = TRY(hosts_of(traffic.from, topology.hosts(), traffic.line));
  const std::vector<std::uint32_t> to = TRY(hosts_of(traffic.to, topology.hosts(), traffic.line));
  if (from.empty()) {
    from.resize(topology.hosts());
    std::iota(from.begin(), from.end(), 0);
  }
  std::vector<Pair> pairs;
  switch (traffic.kind) {
    case Traffic::Kind::kPermutation:
      if (from.size() < 2) return wrong(traffic.line, "a permutation needs two hosts");
      return permutation(from, random);
    case Traffic::Kind::kIncast:
      if (to.size() != 1) return wrong(traffic.line, "an incast has one target");
      for (const std::uint32_t host : from) pairs.emplace_back(host, to.front());
      break;
    case Traffic::Kind::kPairs:
      if (to.size() != from.size())
        return wrong(traffic.line, "pairs need as many hosts in `to` as in `from`");
      for (std::size_t i = 0; i < from.size(); ++i) pairs.emplace_back(from[i], to[i]);
      break;
    case Traffic::Kind::kAllToAll:
      if (from.size() * from.size() > Scenario::kFlowsMax) return wrong(traffic.line, "too many flows");
      for (const std::uint32_t source : from) {
        for (const std::uint32_t target : from) {
          if (source != target) pairs.emplace_back(source, target);
        }
      }
      break;
  }
  for (const auto& [source, target] : pairs) {
    if (source == target) return wrong(traffic.line, fmt::format("host {} does not send to itself", source));
  }
  return pairs;
}

bool fits(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  pattern.remove_suffix(1);
  // "leaf*" is not "leafy", and "agg1*" is not "agg12": the star stands for a number, all of it.
  return name.starts_with(pattern) && (pattern.empty() || name.size() > pattern.size()) &&
         name.find_first_not_of("0123456789", pattern.size()) == std::string_view::npos;
}

}  // namespace

Result<std::vector<Flow>> make_flows(const Scenario& scenario, const ClosTopology& topology,
                                     std::uint32_t payload_bytes, Picoseconds begin, Random& random) {
  std::vector<Flow> flows;
  std::uint64_t datagrams = 0;
  for (std::uint32_t group = 0; group < scenario.traffic.size(); ++group) {
    const Traffic& traffic = scenario.traffic[group];
    const std::vector<Pair> pairs = TRY(pairs_of(traffic, topology, random));
    std::uint32_t number_in_group = 0;
    const std::uint64_t more = pairs.size() * std::uint64_t{traffic.flows};
    if (flows.size() + more > Scenario::kFlowsMax) return wrong(traffic.line, "too many flows");
    datagrams += more * (traffic.bytes / payload_bytes + 1);
    if (datagrams > Scenario::kDatagramsMax) return wrong(traffic.line, "too many bytes for one run");
    for (std::uint32_t round = 0; round < traffic.flows; ++round) {
      for (const auto& [source, target] : pairs) {
        Flow flow;
        flow.source = source;
        flow.target = target;
        flow.bytes = traffic.bytes;
        flow.start = begin + traffic.start;
        if (traffic.spread > 0) {
          flow.start +=
              static_cast<Picoseconds>(random.below(static_cast<std::uint64_t>(traffic.spread) + 1));
        }
        flow.sender = traffic.sender.value_or(scenario.sender);
        const auto drawn = static_cast<std::uint16_t>(49'152 + random.below(16'384));
        flow.source_port = traffic.source_port != 0 ? traffic.source_port : drawn;
        flow.group = group;
        flow.number_in_group = number_in_group++;
        flows.push_back(flow);
      }
    }
  }
  return flows;
}

Result<std::vector<PortIndex>> find_ports(const ClosTopology& topology, std::string_view links,
                                          std::uint32_t line) {
  std::vector<PortIndex> found;
  if (links == "all") {
    found.resize(topology.ports());
    std::iota(found.begin(), found.end(), 0);
    return found;
  }
  const std::size_t arrow = links.find("->");
  const std::size_t dash = links.find('-');
  if (dash == std::string_view::npos)
    return wrong(line, fmt::format("\"{}\" is no link; agg0-core1 is", links));
  const bool one_way = arrow != std::string_view::npos;
  const std::string_view left = links.substr(0, dash);
  const std::string_view right = links.substr(dash + (one_way ? 2 : 1));
  for (PortIndex port = 0; port < topology.ports(); ++port) {
    const std::string owner = topology.node_name(topology.owner(port));
    const std::string peer = topology.node_name(topology.peer(port));
    if ((fits(left, owner) && fits(right, peer)) || (!one_way && fits(left, peer) && fits(right, owner))) {
      found.push_back(port);
    }
  }
  if (found.empty()) return wrong(line, fmt::format("no link is called \"{}\"", links));
  return found;
}

}  // namespace enid::sim
