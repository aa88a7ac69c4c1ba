// FaultyPair: two cards, a network that does everything a network should not, and what must hold anyway.
//
// Theory of operation
//   Virtual time; one queue of datagrams that are under way. Datagrams travel as bytes over a few paths,
//   chosen by the source port as routers do, each with its own delay and in order. By a seed, datagrams are
//   lost, doubled, delayed out of order, corrupted, kept and replayed much later; paths die and come back;
//   a side reboots; a side's clock is set. After `faults_until` the network is good, and everything must
//   come to its end.
//
//   What must hold is looked at after each step; the first violation is kept in violation().
//
// Invariants that are checked
//   (1) No message is delivered twice, over all reboots.
//   (2) kDelivered is told of delivered messages only; kNeverSent of messages that never arrived.
//   (3) Each accepted message of a side that did not reboot has exactly one end.
//   (4) A connection's memory stays below its bound.
//   (5) It never waits for nothing: with a message under way there is a timeout; timeouts move on.
//   (6) When the faults are over, everything ends within `kPatience`.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "srd/connection.h"

namespace enid::srd {

struct Faults {
  // In 1/1000 of datagrams.
  std::uint32_t lost = 0;
  std::uint32_t doubled = 0;
  std::uint32_t delayed = 0;
  std::uint32_t corrupted = 0;
  std::uint32_t replayed = 0;
  std::uint32_t marked = 0;
  std::uint32_t refused = 0;  // By the destination, of messages.
  // In events per run.
  std::uint32_t path_deaths = 0;
  std::uint32_t reboots = 0;
  std::uint32_t clock_steps = 0;
  std::uint32_t outages = 0;  // Nothing arrives for some milliseconds.

  static Faults by_chance(Random& random);
};

class FaultyPair {
 public:
  static constexpr Duration kPatience = Duration::from_seconds(30);

  FaultyPair(std::uint64_t seed, const Faults& faults, const Settings& settings = {});

  // Sends `messages` from each side, at random times, and runs until all have ended.
  void run(std::uint32_t messages);

  // Empty: all was well. Else what went wrong first.
  const std::string& violation() const { return violation_; }
  const Connection& side(int i) const { return sides_[i].connection; }
  std::uint64_t delivered() const { return delivered_count_; }
  std::uint64_t ended_delivered() const { return ended_[0]; }
  std::uint64_t ended_unknown() const { return ended_[1]; }
  std::uint64_t dropped(DropReason reason) const;
  Instant now() const { return now_; }

 private:
  static constexpr std::size_t kPaths = 8;

  struct Side {
    Connection connection;
    std::uint64_t incarnation = 0;
    Duration clock_offset{};
    std::uint32_t to_send = 0;
    Instant next_send{};
    bool queue_full = false;
    std::array<std::uint64_t, kDropReasons> dropped_before{};  // By earlier incarnations.
  };
  struct Path {
    Duration delay{};
    Instant last_arrival[2]{};
    Instant dead_until{};
  };
  struct UnderWay {
    Instant at{};
    std::uint64_t order = 0;
    int to = 0;
    bool marked = false;
    std::uint64_t token = 0;
    std::vector<std::uint8_t> bytes{};

    bool operator>(const UnderWay& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  enum class End : std::uint8_t { kNone, kDelivered, kRefused, kUnknown, kNeverSent };
  struct Fate {
    int sender = 0;
    std::uint64_t incarnation = 0;
    bool delivered = false;
    End end = End::kNone;
  };
  struct Action {
    Instant at{};
    std::function<void()> run;
  };

  Settings settings_of(int side);
  Instant clock(int side) const { return now_ + sides_[side].clock_offset; }
  bool chance(std::uint32_t thousandths) { return random_.below(1000) < thousandths; }
  void plan_faults();
  bool step();
  void send_messages(int side);
  void pump(int side);
  void transmit(int from, const Transmission& transmission);
  void arrive(UnderWay datagram);
  void take_events(int side);
  void reboot(int side);
  void check(int side);
  bool everything_ended() const;
  void fail(const std::string& what);

  Random random_;
  std::uint64_t seed_;
  Faults faults_;
  Settings settings_;
  Instant now_{};
  Instant faults_until_ = Instant{} + Duration::from_milliseconds(40);
  std::vector<Side> sides_;
  std::array<Path, kPaths> paths_;
  std::priority_queue<UnderWay, std::vector<UnderWay>, std::greater<>> under_way_;
  std::vector<Action> actions_;  // Sorted, latest first.
  Instant outage_until_{};
  std::unordered_map<std::uint64_t, Fate> fates_;
  std::uint64_t next_token_ = 1;
  std::uint64_t next_order_ = 0;
  std::uint64_t open_messages_ = 0;
  std::uint64_t delivered_count_ = 0;
  std::array<std::uint64_t, 4> ended_{};
  std::string violation_;
};

}  // namespace enid::srd
