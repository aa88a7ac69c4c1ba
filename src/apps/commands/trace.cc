// enid trace: what each stage of the card decides about a packet, and by which rule.
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/operator_client.h"

namespace enid::apps {
namespace {

// Colours for a terminal, nothing for a file or a pipe.
struct Colours {
  const char* good = "";
  const char* bad = "";
  const char* faint = "";
  const char* off = "";
};

Colours colours_for(int fd) {
  if (::isatty(fd) == 0 || std::getenv("NO_COLOR") != nullptr) return {};
  return {.good = "\033[32m", .bad = "\033[31m", .faint = "\033[2m", .off = "\033[0m"};
}

void print_trace(const nlohmann::json& trace, const TraceOptions& options) {
  const Colours colours = colours_for(STDOUT_FILENO);
  fmt::print("{} {} -> {} {}{}\n", options.protocol, trace.value("source", options.from),
             trace.value("target", options.to), options.port == 0 ? "" : fmt::format("port {}", options.port),
             trace.value("interface", "").empty() ? "" : " from " + trace.value("interface", ""));
  std::size_t widest = 0;
  for (const auto& step : trace["steps"]) widest = std::max(widest, step.value("stage", "").size());
  for (const auto& step : trace["steps"]) {
    const std::string verdict = step.value("verdict", "");
    const bool bad = verdict.starts_with("drop");
    fmt::print("  {:<{}}  {}{}{}", step.value("stage", ""), widest, bad ? colours.bad : colours.good, verdict,
               colours.off);
    const std::string detail = step.value("detail", "");
    if (!detail.empty()) fmt::print("  {}{}{}", colours.faint, detail, colours.off);
    fmt::print("\n");
  }
  if (trace.value("delivered", false)) {
    fmt::print("{}delivered{}\n", colours.good, colours.off);
  } else {
    fmt::print("{}dropped: {}{}, {}\n", colours.bad, trace.value("drop_reason", "no reason given"),
               colours.off, trace.value("drop_explanation", ""));
  }
}

}  // namespace

int run_trace(const TraceOptions& options) {
  const nlohmann::json body = {{"from", options.from},     {"to", options.to},
                               {"source", options.source}, {"protocol", options.protocol},
                               {"port", options.port},     {"source_port", options.source_port},
                               {"bytes", options.bytes}};
  const auto answer = ask_daemon(StateFolder(options.state), "POST", "/trace", body.dump());
  if (!answer) return complain(answer.error());
  if (options.json) {
    fmt::print("{}\n", answer->dump(2));
  } else {
    print_trace(*answer, options);
  }
  return answer->value("delivered", false) ? 0 : 1;
}

}  // namespace enid::apps
