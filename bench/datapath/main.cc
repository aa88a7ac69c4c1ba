// bench_datapath: the C++ half of bench/datapath.py, which calls it inside namespaces.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <string_view>

#include "bench/datapath/card_between_namespaces.h"
#include "bench/datapath/udp_blast.h"

namespace {

using namespace enid;

constexpr std::string_view kUsage =
    "bench_datapath card DEVICE NAMESPACE...        a card between namespaces, until standard input ends\n"
    "bench_datapath send ADDRESS PORT SECONDS       64-byte frames; prints how many were sent\n"
    "bench_datapath receive PORT SECONDS            prints how many came\n";

int complain(const Error& error) {
  fmt::print(stderr, "bench_datapath: {}: {}\n", error.message, error.code.message());
  return 1;
}

void print_counters(host::CardWorker& card) {
  std::promise<contract::CardReport> reported;
  card.report([&](contract::CardReport report) { reported.set_value(std::move(report)); });
  const contract::CardReport report = reported.get_future().get();
  std::promise<host::CardWorkerCounters> counted;
  card.counters([&](host::CardWorkerCounters counters) { counted.set_value(counters); });
  const host::CardWorkerCounters counters = counted.get_future().get();
  fmt::print(
      "flow cache: {} hits, {} misses, {} flows; polls {} (empty {}), sleeps {}, malformed {}, refused {}\n",
      report.flow_cache_hits, report.flow_cache_misses, report.flows, counters.polls, counters.empty_polls,
      counters.sleeps, counters.malformed, counters.refused);
  for (const auto& interface : report.interfaces) {
    fmt::print("{}: sent {} packets, received {}", interface.id.text(), interface.sent_packets,
               interface.received_packets);
    for (const auto& [reason, packets] : interface.drops) fmt::print(", {} {}", reason, packets);
    fmt::print("\n");
  }
}

int run_card(int count, char** words) {
  std::vector<std::string> namespaces(words + 1, words + count);
  auto card = bench::start_card(namespaces, words[0]);
  if (!card) return complain(card.error());
  fmt::print("ready\n");
  std::fflush(stdout);
  for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) > 0;) {
  }
  print_counters(**card);
  return 0;
}

int print_count(const Result<long>& count) {
  if (!count) return complain(count.error());
  fmt::print("{}\n", *count);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const std::string_view what = count > 1 ? words[1] : "";
  if (what == "card" && count > 3) return run_card(count - 2, words + 2);
  if (what == "send" && count == 5) {
    return print_count(bench::send_blast(words[2], std::atoi(words[3]), std::atof(words[4])));
  }
  if (what == "receive" && count == 4) {
    return print_count(bench::receive_blast(std::atoi(words[2]), std::atof(words[3])));
  }
  fmt::print(stderr, "{}", kUsage);
  return 2;
}
