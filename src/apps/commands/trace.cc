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

// "from eni-… host-1 card 0 VF 3, tap", and the queue: the receiver's follows from the packet's hash; the
// sender's is its own system's choice.
void print_end(const char* name, const nlohmann::json& end, const Colours& colours) {
  std::string text = end.value("interface", "");
  if (end.contains("virtual_function"))
    text += fmt::format("  {} card {} VF {}", end.value("host", ""), end.value("card", 0),
                        end.value("virtual_function", 0));
  const std::string kind = end.value("port", "");
  if (!kind.empty()) text += "  " + kind;
  const int queues = end.value("queue_pairs_in_use", 0);
  if (end.contains("receive_queue"))
    text += fmt::format(", receive queue {} of {}", end.value("receive_queue", 0), queues);
  else if (!kind.empty())
    text += fmt::format(", {} queue pair{}", queues, queues == 1 ? "" : "s");
  fmt::print("  {}{:<8}  {}{}\n", colours.faint, name, text, colours.off);
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
  if (trace.contains("sender")) print_end("sender", trace["sender"], colours);
  if (trace.contains("receiver")) print_end("receiver", trace["receiver"], colours);
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
