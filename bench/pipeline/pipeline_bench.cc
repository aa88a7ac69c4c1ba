// bench_pipeline: how many 64-byte UDP packets a second one core carries through the card, from
// port to port in memory, for many established flows through security groups and tracking.
//
//   Two instances exchange requests and answers over `flows` pairs of ports, so that every flow is
//   a tracked stream at both ends. Then only established flows are measured: each packet is of another
//   flow than those before it, in an order that no prefetcher guesses. Frames lie one behind the other,
//   as in a port's ring. The same card, with the same
//   flows, is measured with one rule and with a thousand in turns; the ratio is the median of those of
//   neighbouring rounds.
//
//   bench_pipeline [flows] [milliseconds a round] [rounds]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

#include "bench/common/two_interfaces.h"
#include "card/card.h"
#include "card/flow_decision.h"
#include "flow/connection_table.h"
#include "flow/flow_table.h"

namespace enid::card {
namespace {

using bench::core_time;
using bench::TwoInterfaces;

// Hands out the frames of a fixed pool round and round; takes everything and keeps nothing.
class ReplayPort final : public FramePort {
 public:
  std::size_t receive(std::span<Frame> frames) override {
    for (Frame& frame : frames) {
      frame = {{&pool[next_], TwoInterfaces::kFrameBytes}, {}};
      next_ += kStride;
      if (next_ == pool.size()) next_ = 0;
    }
    return frames.size();
  }
  std::size_t transmit(std::span<const Frame> frames) override {
    taken += frames.size();
    return frames.size();
  }

  static constexpr std::size_t kStride = 64;
  std::vector<std::uint8_t> pool;
  std::uint64_t taken = 0;

 private:
  std::size_t next_ = 0;
};

class Bench {
 public:
  explicit Bench(std::size_t flows) : flows_(flows) {
    CardOptions options;
    options.tracked_connections_max = std::max<std::size_t>(4 * flows, 1 << 18);
    card_ = std::make_unique<Card>(options);
    set_rules(1);
    ask_port_.pool = ends_.packets(flows, true, ReplayPort::kStride);
    answer_port_.pool = ends_.packets(flows, false, ReplayPort::kStride);
    ask_ = card_->attach_port(ends_.client.id, ask_port_);
    answer_ = card_->attach_port(ends_.server.id, answer_port_);
    // Request, answer, request, answer: now each flow is a stream.
    for (int turn = 0; turn < 2; ++turn) {
      send_each(ask_);
      send_each(answer_);
    }
  }

  void set_rules(int rules) {
    card_->apply({++revision_, ends_.program(rules), {}}, now_);
    if (ask_port_.pool.empty()) return;
    // The program's change made all flow entries stale: bring them back before they are measured.
    send_each(ask_);
    send_each(answer_);
  }

  // Packets a second. Only requests; the order visits every flow once before any again.
  double measure(std::chrono::nanoseconds length) {
    const std::uint64_t before = answer_port_.taken;
    const auto start = core_time();
    auto end = start;
    while (end - start < length) {
      for (int i = 0; i < 256; ++i) card_->poll(ask_, now_, {});
      const auto before_these = end;
      end = core_time();
      now_ = now_ + Duration::from_nanoseconds((end - before_these).count());
    }
    return static_cast<double>(answer_port_.taken - before) /
           std::chrono::duration<double>(end - start).count();
  }

  contract::CardReport report() const { return card_->report(); }

 private:
  void send_each(PortHandle port) {
    for (std::size_t sent = 0; sent < flows_; sent += 64) card_->poll(port, now_, {});
  }

  std::size_t flows_;
  std::uint64_t revision_ = 0;
  TwoInterfaces ends_;
  Instant now_{1'000'000'000};
  ReplayPort ask_port_;
  ReplayPort answer_port_;
  std::unique_ptr<Card> card_;
  PortHandle ask_ = 0;
  PortHandle answer_ = 0;
};

int run(std::size_t flows, std::chrono::milliseconds round, int rounds) {
  Bench card(flows);
  std::vector<double> with_one;
  std::vector<double> with_thousand;
  std::vector<double> ratios;  // Of the cost.
  for (int i = 0; i < rounds; ++i) {
    card.set_rules(1);
    with_one.push_back(card.measure(round));
    card.set_rules(1000);
    with_thousand.push_back(card.measure(round));
    ratios.push_back(with_one.back() / with_thousand.back());
  }
  const double mpps = bench::median(with_one) / 1e6;
  const double mpps_thousand = bench::median(with_thousand) / 1e6;
  const auto report = card.report();
  const std::size_t bytes_per_flow = flow::FlowTable<FlowDecision>::kEntryBytes;
  fmt::print("{} established flows, 64-byte UDP, security groups and tracking at both ends\n", flows);
  fmt::print("{:<14} {:>8} {:>12}\n", "rules", "Mpps", "ns a packet");
  fmt::print("{:<14} {:>8.2f} {:>12.1f}\n", 1, mpps, 1e3 / mpps);
  fmt::print("{:<14} {:>8.2f} {:>12.1f}\n", 1000, mpps_thousand, 1e3 / mpps_thousand);
  fmt::print("best round with one rule: {:.2f} Mpps\n", std::ranges::max(with_one) / 1e6);
  fmt::print("flow cache: {} entries, {} hits, {} misses; {} tracked connections of {} bytes\n", report.flows,
             report.flow_cache_hits, report.flow_cache_misses, report.tracked_connections,
             flow::ConnectionTable::kConnectionBytes);
  fmt::print("figures: mpps={:.2f} rules_cost_ratio={:.3f} bytes_per_flow={}\n", mpps, bench::median(ratios),
             bytes_per_flow);
  return 0;
}

}  // namespace
}  // namespace enid::card

int main(int argc, char** argv) {
  const auto argument = [&](int i, int otherwise) { return argc > i ? std::atoi(argv[i]) : otherwise; };
  return enid::card::run(static_cast<std::size_t>(argument(1, 100'000)),
                         std::chrono::milliseconds(argument(2, 100)), argument(3, 25));
}
