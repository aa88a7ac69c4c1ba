// enid sim: runs a scenario in the fabric simulator and prints its report; progress goes to stderr when there
// is a terminal.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "sim/report.h"
#include "sim/simulation.h"
#include "sim/trace.h"

namespace enid::apps {
namespace {

constexpr int kMissed = 1;  // An expectation.
constexpr int kWrong = 2;   // The scenario, or the command line.

int complain_of(const std::string& what) {
  fmt::print(stderr, "enid: {}\n", what);
  return kWrong;
}

class Progress {
 public:
  explicit Progress(bool wanted) : wanted_(wanted) {}
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }

  void show(const sim::Simulation& simulation) {
    const auto now = std::chrono::steady_clock::now();
    if (!wanted_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(500);
    shown_ = true;
    fmt::print(stderr, "\r\033[K{:.1f} us, {} of {} flows finished, {:.1f} million events",
               static_cast<double>(simulation.now()) / sim::kMicrosecond, simulation.flows().finished(),
               simulation.flows().flows().size(), static_cast<double>(simulation.network().events()) / 1e6);
  }

 private:
  bool wanted_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

void print_json(const sim::Report& report) {
  nlohmann::ordered_json metrics;
  for (const auto& [name, value] : report.metrics) metrics[name] = value;
  const nlohmann::ordered_json all{{"passed", report.passed}, {"metrics", metrics}};
  fmt::print("{}\n", all.dump(2));
}

}  // namespace

int run_sim(const SimOptions& options) {
  std::ifstream file(options.scenario, std::ios::binary);
  if (!file) return complain_of(fmt::format("cannot read {}", options.scenario));
  std::string text(sim::Scenario::kTextBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const auto scenario = sim::Scenario::parse(text);
  if (!scenario) return complain_of(fmt::format("{}: {}", options.scenario, scenario.error().message));
  auto made = sim::Simulation::make(*scenario, options.seed);
  if (!made) return complain_of(fmt::format("{}: {}", options.scenario, made.error().message));
  sim::Simulation& simulation = **made;

  std::ofstream trace;
  if (!options.trace.empty()) {
    trace.open(options.trace);
    if (!trace) return complain_of(fmt::format("cannot write {}", options.trace));
    trace << sim::kTraceHeader;
  }
  Progress progress(isatty(STDERR_FILENO) == 1);
  const sim::Picoseconds slice = (options.trace.empty() ? 100 : options.trace_every_us) * sim::kMicrosecond;
  bool more = true;
  while (more) {
    more = simulation.run_for(slice);
    if (trace.is_open()) trace << sim::trace_rows(simulation);
    progress.show(simulation);
  }
  const sim::Report report = sim::make_report(simulation);
  if (options.json) {
    print_json(report);
  } else {
    fmt::print("{}", report.text);
  }
  return report.passed ? 0 : kMissed;
}

}  // namespace enid::apps
