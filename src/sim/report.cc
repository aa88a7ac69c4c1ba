#include "sim/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "sim/flow_summary.h"

namespace enid::sim {
namespace {

constexpr std::string_view kLinkClasses[] = {"host up",  "leaf down", "leaf up",
                                             "agg down", "agg up",    "core down"};

class Writer {
 public:
  explicit Writer(const Simulation& simulation) : simulation_(simulation) {}

  Report write() {
    write_head();
    write_flows();
    write_links();
    write_srd();
    write_recovery();
    write_expectations();
    line("ended at {:.3f} us after {} events", us(simulation_.now()), simulation_.network().events());
    return std::move(report_);
  }

 private:
  template <class... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    report_.text += fmt::format(format, std::forward<Arguments>(arguments)...);
    report_.text += '\n';
  }
  static double us(Picoseconds time) { return static_cast<double>(time) / static_cast<double>(kMicrosecond); }
  void metric(std::string name, double value) { report_.metrics.emplace_back(std::move(name), value); }

  void write_head() {
    const ClosTopology& topology = simulation_.network().topology();
    const Scenario& scenario = simulation_.scenario();
    line("{}", scenario.title.empty() ? "untitled" : scenario.title);
    std::string switches = fmt::format("{} leaves, {} ", topology.leaves(), topology.aggregations());
    switches += topology.cores() == 0 ? "spines" : fmt::format("aggs, {} cores", topology.cores());
    line("{} hosts, {}; {} Gbit/s, {} us a link; MTU {}, queues {} KB, ECN {} to {} KB; seed {}\n",
         topology.hosts(), switches, static_cast<double>(scenario.port.bits_per_second) / 1e9,
         us(scenario.port.latency), scenario.mtu, scenario.port.queue_bytes / 1000,
         scenario.port.ecn_min_bytes / 1000, scenario.port.ecn_max_bytes / 1000, simulation_.seed());
  }

  void write_flows() {
    line("{:<7}{:>7} {:>8}{:>10}{:>10}{:>10}{:>10}{:>10} {:>8}{:>9}{:>9}{:>7}{:>8}{:>9}", "sender", "flows",
         "finished", "min us", "mean us", "p50 us", "p99 us", "max us", "min/max", "Gbit/s", "least", "share",
         "rtx", "timeouts");
    std::vector<const Flow*> all;
    std::array<std::vector<const Flow*>, kSenders> by_sender;
    for (const Flow& flow : simulation_.flows().flows()) {
      all.push_back(&flow);
      by_sender[static_cast<std::size_t>(flow.sender)].push_back(&flow);
    }
    const double mean = summarize(all, simulation_.network().now()).goodput_mean_gbps;
    const bool mixed = std::ranges::count_if(by_sender, [](const auto& flows) { return !flows.empty(); }) > 1;
    for (std::size_t i = 0; i < kSenders; ++i) {
      if (!by_sender[i].empty())
        write_summary(std::string(name_of(static_cast<Sender>(i))), by_sender[i], mean);
    }
    if (simulation_.scenario().traffic.size() > 1) write_lines_of_traffic(all, mean);
    if (mixed) write_summary("all", all, mean);
    const std::string prefix = mixed ? "all." : fmt::format("{}.", name_of(all.front()->sender));
    // The whole run's metrics have no prefix.
    std::vector<std::pair<std::string, double>> whole;
    for (const auto& [name, value] : report_.metrics) {
      if (name.starts_with(prefix)) whole.emplace_back(name.substr(prefix.size()), value);
    }
    report_.metrics.insert(report_.metrics.end(), whole.begin(), whole.end());
    metric("violations", static_cast<double>(simulation_.flows().violations()));
    if (simulation_.flows().violations() > 0) {
      report_.passed = false;
      line("VIOLATIONS: {} datagrams were delivered twice, or acknowledged and not delivered",
           simulation_.flows().violations());
    }
  }

  // Patterns beside each other: what an incast did to its neighbours.
  void write_lines_of_traffic(const std::vector<const Flow*>& all, double mean_of_all) {
    std::vector<std::vector<const Flow*>> by_group(simulation_.scenario().traffic.size());
    for (const Flow* flow : all) by_group[flow->group].push_back(flow);
    for (std::size_t i = 0; i < by_group.size(); ++i) {
      write_summary(fmt::format("line{}", simulation_.scenario().traffic[i].line), by_group[i], mean_of_all);
    }
  }

  void write_summary(const std::string& name, const std::vector<const Flow*>& flows, double mean_of_all) {
    const FlowSummary s = summarize(flows, simulation_.network().now());
    const double share = mean_of_all > 0 ? s.goodput_mean_gbps / mean_of_all : 0;
    line(
        "{:<7}{:>7} {:>8}{:>10.3f}{:>10.3f}{:>10.3f}{:>10.3f}{:>10.3f} "
        "{:>8.4f}{:>9.3f}{:>9.3f}{:>7.3f}{:>8}{:>9}",
        name, s.flows, s.finished, s.least_us, s.mean_us, s.p50_us, s.p99_us, s.max_us, s.fairness,
        s.goodput_mean_gbps, s.goodput_least_gbps, share, s.retransmissions, s.timeouts);
    const std::pair<const char*, double> values[] = {
        {"flows", static_cast<double>(s.flows)},
        {"unfinished", static_cast<double>(s.flows - s.finished)},
        {"min_us", s.least_us},
        {"mean_us", s.mean_us},
        {"p50_us", s.p50_us},
        {"p99_us", s.p99_us},
        {"max_us", s.max_us},
        {"fairness", s.fairness},
        {"goodput_gbps", s.goodput_mean_gbps},
        {"least_gbps", s.goodput_least_gbps},
        {"total_gbps", s.goodput_total_gbps},
        {"share", share},
        {"rtx", static_cast<double>(s.retransmissions)},
        {"timeouts", static_cast<double>(s.timeouts)},
    };
    for (const auto& [key, value] : values) metric(name + "." + key, value);
  }

  void write_links() {
    const Network& network = simulation_.network();
    std::array<PortCounters, std::size(kLinkClasses)> sums{};
    std::array<bool, std::size(kLinkClasses)> used{};
    PortCounters total;
    for (PortIndex port = 0; port < network.topology().ports(); ++port) {
      const auto at = static_cast<std::size_t>(network.topology().class_of(port));
      used[at] = true;
      for (PortCounters* sum : {&sums[at], &total}) {
        const PortCounters& counters = network.port(port).counters();
        sum->packets += counters.packets;
        sum->bytes += counters.bytes;
        sum->full_drops += counters.full_drops;
        sum->random_losses += counters.random_losses;
        sum->cut_losses += counters.cut_losses;
        sum->marks += counters.marks;
        sum->queue_bytes_max = std::max(sum->queue_bytes_max, counters.queue_bytes_max);
      }
    }
    line("\n{:<10}{:>12}{:>10}{:>10}{:>10}{:>12}{:>14}", "links", "packets", "drops", "lost", "cut", "marks",
         "max queue KB");
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (!used[i]) continue;
      line("{:<10}{:>12}{:>10}{:>10}{:>10}{:>12}{:>14.1f}", kLinkClasses[i], sums[i].packets,
           sums[i].full_drops, sums[i].random_losses, sums[i].cut_losses, sums[i].marks,
           static_cast<double>(sums[i].queue_bytes_max) / 1000);
    }
    metric("drops", static_cast<double>(total.full_drops));
    metric("lost", static_cast<double>(total.random_losses + total.cut_losses));
    metric("marks", static_cast<double>(total.marks));
    metric("max_queue_kb", static_cast<double>(total.queue_bytes_max) / 1000);
  }

  void write_srd() {
    srd::Counters sum;
    std::size_t connections = 0;
    for (const auto& host : simulation_.srd_hosts()) {
      if (host == nullptr) continue;
      for (const SrdHost::View& view : host->connections()) {
        const srd::Counters& counters = view.connection->counters();
        ++connections;
        sum.data_sent += counters.data_sent;
        sum.retransmissions_by_gap += counters.retransmissions_by_gap;
        sum.retransmissions_by_timer += counters.retransmissions_by_timer;
        sum.retransmission_timeouts += counters.retransmission_timeouts;
        sum.tail_probes += counters.tail_probes;
        sum.spurious_retransmissions += counters.spurious_retransmissions;
        sum.acknowledgements_sent += counters.acknowledgements_sent;
        sum.probes_sent += counters.probes_sent;
        sum.slots_died += counters.slots_died;
        sum.slots_revived += counters.slots_revived;
        sum.window_cuts += counters.window_cuts;
      }
    }
    if (connections == 0) return;
    line(
        "\nsrd: {} ends, {} datagrams, {} acknowledgements; sent again {} by gap, {} by timer, {} by "
        "timeout, "
        "{} tail probes, {} for nothing; {} window cuts; {} slots died, {} came back, {} probes",
        connections, sum.data_sent, sum.acknowledgements_sent, sum.retransmissions_by_gap,
        sum.retransmissions_by_timer, sum.retransmission_timeouts, sum.tail_probes,
        sum.spurious_retransmissions, sum.window_cuts, sum.slots_died, sum.slots_revived, sum.probes_sent);
    metric("acknowledgements", static_cast<double>(sum.acknowledgements_sent));
    metric("spurious", static_cast<double>(sum.spurious_retransmissions));
  }

  void write_recovery() {
    const FlowTable& flows = simulation_.flows();
    if (flows.slice() == 0) return;
    Picoseconds first = kNever;
    for (const Fault& fault : simulation_.scenario().faults) {
      if (fault.when > 0) first = std::min(first, fault.when);
    }
    if (first == kNever) return;
    Picoseconds worst = 0;
    std::uint32_t suffered = 0;
    for (std::uint32_t i = 0; i < flows.flows().size(); ++i) {
      const Picoseconds time = recovery_time(flows, i, simulation_.begin() + first, kRecoveryWindow);
      if (time > 0) ++suffered;
      worst = std::max(worst, time);
    }
    const double shown = worst == kNever ? 1e9 : us(worst);
    metric("recovery_us", shown);
    if (worst == kNever) {
      line("\nfault at {:.3f} us: {} flows fell, not all came back", us(first), suffered);
    } else {
      line("\nfault at {:.3f} us: {} flows fell, all were back after {:.3f} us", us(first), suffered, shown);
    }
  }

  void write_expectations() {
    line("");
    for (const Expectation& each : simulation_.scenario().expectations) {
      const char* relation = each.at_most ? "<=" : ">=";
      const auto found =
          std::ranges::find(report_.metrics, each.metric, &std::pair<std::string, double>::first);
      if (found == report_.metrics.end()) {
        report_.passed = false;
        line("line {}: nothing is called {} in this report", each.line, each.metric);
        continue;
      }
      const bool met = each.at_most ? found->second <= each.bound : found->second >= each.bound;
      report_.passed = report_.passed && met;
      line("{:<7} {} {} {:g}: {:.6g}", met ? "met" : "MISSED", each.metric, relation, each.bound,
           found->second);
    }
  }

  const Simulation& simulation_;
  Report report_;
};

}  // namespace

Report make_report(const Simulation& simulation) { return Writer(simulation).write(); }

}  // namespace enid::sim
