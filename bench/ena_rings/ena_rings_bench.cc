// bench_ena_rings: how many 64-byte packets a second one core carries from the transmit ring of one ENA
// device to the receive ring of another, through the whole card: security groups, tracking, flow table.
//
//   Two guests' drivers fill and empty real rings in memory; only what the card's thread does in between is
//   timed, as host/card_worker does it: on_time(), has_work(), poll(). Interrupts are eventfds. All packets
//   are of established flows, each of another flow than those before it: with many flows, what a packet costs
//   is mostly the way of their entries from memory. A burst is what a driver offers with one doorbell.
//
//   bench_ena_rings [bursts a round] [rounds]
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "bench/common/two_interfaces.h"
#include "bench/ena_rings/polled_guest.h"
#include "card/card.h"

namespace enid::bench {
namespace {

using devices::ena::Placement;

class Bench {
 public:
  Bench(std::size_t flows, Placement placement)
      : flows_(flows),
        client_(ends_.packets(flows, true, PolledGuest::kStride), TwoInterfaces::kFrameBytes, placement),
        server_(ends_.packets(flows, false, PolledGuest::kStride), TwoInterfaces::kFrameBytes, placement) {
    card::CardOptions options;
    options.tracked_connections_max = std::max<std::size_t>(4 * flows, 1 << 18);
    card_ = std::make_unique<card::Card>(options);
    card_->apply({1, ends_.program(1), {}}, now_);
    client_handle_ = card_->attach_port(ends_.client.id, client_.port());
    server_handle_ = card_->attach_port(ends_.server.id, server_.port());
    // Request, answer, request, answer: now each flow is a stream.
    for (int turn = 0; turn < 2; ++turn) {
      for (std::size_t sent = 0; sent < flows_; sent += kBurst) exchange(client_, server_);
      for (std::size_t sent = 0; sent < flows_; sent += kBurst) exchange(server_, client_);
    }
  }

  // Packets a second of the card's thread.
  double measure(std::size_t bursts) {
    std::chrono::nanoseconds busy{};
    for (std::size_t i = 0; i < bursts; ++i) busy += exchange(client_, server_);
    return static_cast<double>(bursts * kBurst) / std::chrono::duration<double>(busy).count();
  }

  std::uint64_t interrupts() const { return client_.interrupts() + server_.interrupts(); }
  contract::CardReport report() const { return card_->report(); }

 private:
  static constexpr std::size_t kBurst = 512;

  std::chrono::nanoseconds exchange(PolledGuest& from, PolledGuest& to) {
    from.send(kBurst);
    const auto start = core_time();
    std::size_t found = 1;
    while (found > 0) found = look(client_, client_handle_) + look(server_, server_handle_);
    const auto busy = core_time() - start;
    now_ = now_ + Duration::from_nanoseconds(busy.count());
    CHECK(from.collect_sent() == kBurst);
    CHECK(to.collect_received() == kBurst);
    CHECK(to.last_frame().size() == TwoInterfaces::kFrameBytes);
    from.collect_received();  // Nothing, but its interrupt is asked for again.
    return busy;
  }

  // As CardWorker looks at a polled port.
  std::size_t look(PolledGuest& guest, card::PortHandle handle) {
    guest.port().on_time(now_);
    return guest.port().has_work() ? card_->poll(handle, now_, {}) : 0;
  }

  TwoInterfaces ends_;
  std::size_t flows_;
  PolledGuest client_;
  PolledGuest server_;
  Instant now_{1'000'000'000};
  std::unique_ptr<card::Card> card_;
  card::PortHandle client_handle_ = 0;
  card::PortHandle server_handle_ = 0;
};

struct Row {
  std::string_view name;
  std::unique_ptr<Bench> bench;
  std::vector<double> rounds = {};
};

int run(std::size_t bursts, int rounds) {
  constexpr std::size_t kFlows = 10'000;
  std::vector<Row> rows;
  rows.push_back({"host rings, 10,000 flows", std::make_unique<Bench>(kFlows, Placement::kHost)});
  rows.push_back({"low-latency, 10,000 flows", std::make_unique<Bench>(kFlows, Placement::kLowLatency)});
  rows.push_back({"host rings, 1 flow", std::make_unique<Bench>(1, Placement::kHost)});
  rows.push_back({"host rings, 100,000 flows", std::make_unique<Bench>(10 * kFlows, Placement::kHost)});
  for (int i = 0; i < rounds; ++i) {
    for (Row& row : rows) row.rounds.push_back(row.bench->measure(bursts));
  }
  fmt::print("64-byte UDP from transmit ring to receive ring, one core\n");
  fmt::print("{:<26} {:>8} {:>12} {:>12}\n", "transmit queues", "Mpps", "ns a packet", "interrupts");
  for (const Row& row : rows) {
    const double mpps = median(row.rounds) / 1e6;
    fmt::print("{:<26} {:>8.2f} {:>12.1f} {:>12}\n", row.name, mpps, 1e3 / mpps, row.bench->interrupts());
  }
  const auto mpps = [&](std::size_t row) { return median(rows[row].rounds) / 1e6; };
  fmt::print("figures: mpps={:.2f} low_latency_mpps={:.2f} one_flow_mpps={:.2f} many_flows_mpps={:.2f}\n",
             mpps(0), mpps(1), mpps(2), mpps(3));
  return 0;
}

}  // namespace
}  // namespace enid::bench

int main(int argc, char** argv) {
  const auto argument = [&](int i, int otherwise) { return argc > i ? std::atoi(argv[i]) : otherwise; };
  return enid::bench::run(static_cast<std::size_t>(argument(1, 400)), argument(2, 15));
}
