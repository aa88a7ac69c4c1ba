// TcpLikeSender and TcpLikeReceiver: one flow over one hashed path, as TCP would send it.
//
// Theory of operation
//   The baseline beside SRD: what a flow of a kernel's TCP reaches over the same fabric. Its packets all have
//   one UDP source port, so the switches send them one way. Every packet is acknowledged by one that says:
//   all before `cumulative` arrived, these last ones did, and this one was marked. A path keeps the order, so
//   a packet is lost when one that was sent three transmissions later has arrived (RFC 6675's rule with
//   RACK's notion of later: retransmissions can be lost and noticed, too). Losses of one window cut the
//   window once. When nothing is acknowledged for max(rto_min, srtt + 4 rttvar), doubled at each repetition,
//   all that is under way counts as lost.
//
//   Left out, as it makes no difference to a bulk flow: handshake, delayed acknowledgements, the receiver's
//   window, tail loss probes (so a lost tail costs rto_min, as it did where the published comparisons were
//   made).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "sim/flow_table.h"
#include "sim/packet_pool.h"
#include "sim/sim_time.h"
#include "sim/window_control.h"

namespace enid::sim {

struct TcpLikeSettings {
  std::uint32_t initial_window = 10;
  Picoseconds rto_min = 50 * kMillisecond;  // As in the published comparison with SRD.
};

struct TcpLikeHeader {
  static constexpr std::size_t kRecent = 8;
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;

  bool is_acknowledgement = false;
  bool marked = false;
  std::uint32_t sequence = 0;
  std::uint32_t transmission = 0;  // How many this flow sent before; echoed.
  Picoseconds sent_at = 0;         // Echoed.
  std::uint32_t cumulative = 0;
  std::array<std::uint32_t, kRecent> recent{};  // The last to arrive, newest first.
};

class TcpLikeSender {
 public:
  TcpLikeSender(std::uint32_t flow, std::uint32_t packets, Sender algorithm, const TcpLikeSettings& settings);

  bool poll_transmit(Picoseconds now, TcpLikeHeader& out, FlowTable& flows);
  void on_acknowledgement(Picoseconds now, const TcpLikeHeader& header, FlowTable& flows);
  // kNever when nothing is under way.
  Picoseconds deadline() const;
  void on_deadline(Picoseconds now, FlowTable& flows);
  bool is_finished() const { return acknowledged_ == state_.size(); }

 private:
  enum class State : std::uint8_t { kNotSent, kUnderWay, kLost, kArrived };
  struct Sent {
    std::uint32_t sequence;
    std::uint32_t transmission;
  };
  static constexpr std::uint32_t kReordering = 3;

  std::uint32_t take_arrived(Picoseconds now, std::uint32_t sequence, FlowTable& flows);
  void find_losses(Picoseconds now);
  void measure(Picoseconds rtt);

  std::uint32_t flow_;
  TcpLikeSettings settings_;
  WindowControl window_;
  std::vector<State> state_;
  std::vector<std::uint32_t> transmission_of_;  // The latest, of each packet.
  std::deque<Sent> sent_;                       // In order; entries that are settled are skipped when met.
  std::deque<std::uint32_t> lost_;
  std::uint32_t next_new_ = 0;
  std::uint32_t cumulative_ = 0;
  std::uint32_t acknowledged_ = 0;
  std::uint32_t under_way_ = 0;
  std::uint32_t transmissions_ = 0;
  std::uint32_t newest_arrived_ = 0;  // A transmission number plus 1.
  std::uint32_t cut_until_ = 0;       // Losses of transmissions before this one were answered by a cut.
  std::uint32_t round_ends_at_ = 0;   // A transmission number.
  Picoseconds smoothed_rtt_ = 0;
  Picoseconds rtt_variation_ = 0;
  Picoseconds progress_at_ = 0;
  std::uint32_t backoff_ = 0;
};

class TcpLikeReceiver {
 public:
  explicit TcpLikeReceiver(std::uint32_t packets);

  // Answers the acknowledgement. `first`: it had not arrived before.
  TcpLikeHeader on_packet(const TcpLikeHeader& header, bool marked, bool& first);

 private:
  std::vector<bool> arrived_;
  std::uint32_t cumulative_ = 0;
  std::array<std::uint32_t, TcpLikeHeader::kRecent> recent_;
};

}  // namespace enid::sim
