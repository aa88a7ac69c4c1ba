// Scenario: what to simulate, as a text says it. docs/simulator.md is the language's description.
//
// Theory of operation
//   A line is a directive: a word and what belongs to it. `#` begins a comment. Lines may come in any order;
//   a later one of the same directive replaces an earlier one, but traffic, faults and expectations add up.
//   What a line means for a topology (hosts that exist, links that have that name) is found out by
//   make_flows() and find_ports(), when the topology is known. Every error names the line.
//
//   The text is from outside: all counts and sizes have limits (Scenario::k…Max).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/clos_topology.h"
#include "sim/flow_table.h"
#include "sim/output_port.h"
#include "sim/sim_time.h"
#include "sim/tcp_like_flow.h"

namespace enid::sim {

struct HostRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

struct Traffic {
  enum class Kind : std::uint8_t {
    kPermutation,  // Every host sends to one other, and hears from one other.
    kIncast,       // Each of `from` sends to the one of `to`.
    kPairs,        // The first of `from` to the first of `to`, and so on.
    kAllToAll,     // Each of `from` to each other of them.
  };
  std::uint32_t line = 0;
  Kind kind = Kind::kPermutation;
  std::vector<HostRange> from;
  std::vector<HostRange> to;
  std::uint32_t flows = 1;  // Of each pair.
  std::uint64_t bytes = 2'000'000;
  Picoseconds start = 0;
  Picoseconds spread = 0;  // Starts are drawn from [start, start + spread].
  std::optional<Sender> sender;
  std::uint16_t source_port = 0;
  bool balanced = false;  // Single-path flows take the first switch's ways up in turns, instead of by chance.
};

struct Fault {
  enum class Kind : std::uint8_t { kRate, kLoss, kCut, kRepair };
  std::uint32_t line = 0;
  Kind kind = Kind::kCut;
  Picoseconds when = 0;
  std::string links;                  // "agg0-core*", "leaf1->spine0", "all".
  std::uint64_t bits_per_second = 0;  // kRate; or
  double fraction = 0;                // of the link's own rate; kLoss: the probability.
};

struct Expectation {
  std::uint32_t line = 0;
  std::string metric;  // "max_us", "srd.fairness".
  bool at_most = true;
  double bound = 0;
};

struct LinkRate {
  std::uint32_t line = 0;
  std::string links;
  std::optional<std::uint64_t> bits_per_second;
  std::optional<Picoseconds> latency;
};

struct Scenario {
  static constexpr std::size_t kTextBytesMax = 1 << 20;
  static constexpr std::size_t kLinesMax = 10'000;
  static constexpr std::uint64_t kFlowsMax = 1'000'000;
  static constexpr std::uint64_t kDatagramsMax = 1ULL << 28;  // Of all flows.
  static constexpr std::uint64_t kFlowBytesMax = 1ULL << 40;
  static constexpr Picoseconds kTimeMax = 1000 * kSecond;
  static constexpr std::uint64_t kSlicesMax = 1ULL << 26;  // Of all flows.

  std::string title;
  ClosShape shape;
  PortSettings port;
  std::vector<LinkRate> links;
  std::uint32_t mtu = 4150;  // Of an IPv4 packet; the reference runs' size.
  Picoseconds withdraw_after = kNever;
  Picoseconds end = kSecond;
  Picoseconds slice = 0;
  Sender sender = Sender::kSrd;
  TcpLikeSettings tcp_like;
  // SRD's.
  bool cold_contexts = false;
  std::uint32_t srd_paths = 64;
  std::optional<Picoseconds> srd_target_delay;
  bool srd_ecn = true;

  std::vector<Traffic> traffic;
  std::vector<Fault> faults;
  std::vector<Expectation> expectations;

  // The error's message begins with "line N: ".
  static Result<Scenario> parse(std::string_view text);
};

}  // namespace enid::sim
