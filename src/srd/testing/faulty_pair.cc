#include "srd/testing/faulty_pair.h"

#include <algorithm>

namespace enid::srd {
namespace {

constexpr std::uint32_t kTimeoutsAtOnce = 16;
constexpr std::uint64_t kStepsMax = 2'000'000;

}  // namespace

Faults Faults::by_chance(Random& random) {
  const auto up_to = [&](std::uint64_t most) {
    return static_cast<std::uint32_t>(random.below(2) * random.below(most + 1));
  };
  return {.lost = up_to(100),
          .doubled = up_to(50),
          .delayed = up_to(100),
          .corrupted = up_to(30),
          .replayed = up_to(30),
          .marked = up_to(500),
          .refused = up_to(20),
          .path_deaths = up_to(4),
          .reboots = up_to(3),
          .clock_steps = up_to(3),
          .outages = up_to(2)};
}

FaultyPair::FaultyPair(std::uint64_t seed, const Faults& faults, const Settings& settings)
    : random_(seed), seed_(seed), faults_(faults), settings_(settings) {
  settings_.base_rtt = Duration::from_microseconds(50);
  settings_.pair_key = {seed * 3 + 1, seed * 5 + 7};
  for (int i = 0; i < 2; ++i) {
    const Settings own = settings_of(i);
    sides_.push_back({.connection = Connection(own, random_.next()), .incarnation = own.incarnation});
    // Clocks begin anywhere; a run crosses the wrap of the wire's clock now and then.
    sides_[i].clock_offset =
        Duration::from_nanoseconds(static_cast<std::int64_t>(random_.below(140'000'000'000)));
  }
  for (Path& path : paths_)
    path.delay = Duration::from_nanoseconds(10'000 + static_cast<std::int64_t>(random_.below(30'000)));
  plan_faults();
}

Settings FaultyPair::settings_of(int) {
  Settings own = settings_;
  own.incarnation = random_.next() | 1;
  return own;
}

void FaultyPair::plan_faults() {
  const auto when = [&] {
    return Instant{} + Duration::from_nanoseconds(static_cast<std::int64_t>(random_.below(
                           static_cast<std::uint64_t>((faults_until_ - Instant{}).nanoseconds))));
  };
  for (std::uint32_t i = 0; i < faults_.path_deaths; ++i) {
    actions_.push_back({when(), [this] {
                          Path& path = paths_[random_.below(kPaths)];
                          path.dead_until = now_ + Duration::from_microseconds(
                                                       static_cast<std::int64_t>(random_.below(20'000)));
                        }});
  }
  for (std::uint32_t i = 0; i < faults_.reboots; ++i) {
    actions_.push_back({when(), [this] { reboot(static_cast<int>(random_.below(2))); }});
  }
  for (std::uint32_t i = 0; i < faults_.clock_steps; ++i) {
    actions_.push_back({when(), [this] {
                          Side& side = sides_[random_.below(2)];
                          const auto step = static_cast<std::int64_t>(random_.below(20'000'000)) - 5'000'000;
                          side.clock_offset =
                              side.clock_offset +
                              Duration::from_nanoseconds(random_.below(4) == 0 ? step * 500 : step);
                        }});
  }
  for (std::uint32_t i = 0; i < faults_.outages; ++i) {
    actions_.push_back({when(), [this] {
                          outage_until_ = now_ + Duration::from_microseconds(
                                                     static_cast<std::int64_t>(random_.below(10'000)));
                        }});
  }
  std::sort(actions_.begin(), actions_.end(), [](const Action& a, const Action& b) { return a.at > b.at; });
}

void FaultyPair::run(std::uint32_t messages) {
  for (Side& side : sides_) {
    side.to_send = messages;
    side.next_send =
        Instant{} + Duration::from_nanoseconds(static_cast<std::int64_t>(random_.below(1'000'000)));
  }
  for (std::uint64_t steps = 0; violation_.empty(); ++steps) {
    if (steps == kStepsMax) fail("no end after so many steps");
    if (everything_ended()) return;
    if (now_ > faults_until_ + kPatience) {
      fail(std::to_string(open_messages_) + " messages have no end");
      return;
    }
    if (!step()) fail("nothing happens any more, and messages are under way");
  }
}

bool FaultyPair::everything_ended() const {
  return open_messages_ == 0 && sides_[0].to_send == 0 && sides_[1].to_send == 0 && actions_.empty();
}

bool FaultyPair::step() {
  Instant next = Instant::never();
  if (!under_way_.empty()) next = std::min(next, under_way_.top().at);
  if (!actions_.empty()) next = std::min(next, actions_.back().at);
  for (const Side& side : sides_) {
    if (side.to_send != 0 && !side.queue_full) next = std::min(next, side.next_send);
    const Instant timeout = side.connection.next_timeout();
    if (timeout != Instant::never()) next = std::min(next, timeout - side.clock_offset);
  }
  if (next == Instant::never()) return false;
  now_ = std::max(now_, next);

  while (!actions_.empty() && actions_.back().at <= now_) {
    const auto run = std::move(actions_.back().run);
    actions_.pop_back();
    run();
  }
  while (!under_way_.empty() && under_way_.top().at <= now_) {
    UnderWay datagram = under_way_.top();
    under_way_.pop();
    arrive(std::move(datagram));
  }
  for (int i = 0; i < 2; ++i) {
    if (sides_[i].to_send != 0 && !sides_[i].queue_full && sides_[i].next_send <= now_) send_messages(i);
    pump(i);
  }
  return true;
}

void FaultyPair::send_messages(int i) {
  Side& side = sides_[i];
  const std::uint64_t burst = std::min<std::uint64_t>(side.to_send, 1 + random_.below(64));
  for (std::uint64_t n = 0; n < burst; ++n) {
    const std::uint64_t token = next_token_;
    const auto bytes = static_cast<std::uint32_t>(8 + random_.below(8000));
    const Message message{.token = token, .bytes = bytes, .flow_tag = 7, .flow_sequence = 9, .vni = 0x123456};
    const SendResult result = side.connection.send(clock(i), message);
    if (result == SendResult::kQueueFull) {
      side.queue_full = true;
      return;
    }
    ++next_token_;
    --side.to_send;
    ++open_messages_;
    fates_[token] = {.sender = i, .incarnation = side.incarnation};
  }
  side.next_send = now_ + Duration::from_nanoseconds(static_cast<std::int64_t>(random_.below(4'000'000)));
}

void FaultyPair::pump(int i) {
  Connection& connection = sides_[i].connection;
  for (std::uint32_t timeouts = 0;; ++timeouts) {
    Transmission transmission;
    while (connection.poll_transmit(clock(i), transmission)) transmit(i, transmission);
    take_events(i);
    check(i);
    if (connection.next_timeout() > clock(i)) return;
    if (timeouts == kTimeoutsAtOnce) return fail("a timeout does not move on");
    connection.on_timeout(clock(i));
  }
}

void FaultyPair::transmit(int from, const Transmission& transmission) {
  const bool good = now_ >= faults_until_;
  Path& path = paths_[(transmission.source_port * 0x9e37U >> 5) % kPaths];
  if (now_ < outage_until_ || now_ < path.dead_until) return;
  if (!good && chance(faults_.lost)) return;

  UnderWay datagram{.order = next_order_++, .to = 1 - from, .token = transmission.token};
  datagram.bytes.resize(transmission.datagram.bytes() + transmission.datagram.header.payload_bytes);
  transmission.datagram.write(datagram.bytes);
  datagram.marked = transmission.ecn_capable && !good && chance(faults_.marked);
  datagram.at = std::max(now_ + path.delay, path.last_arrival[from]);
  path.last_arrival[from] = datagram.at;
  if (good) {
    under_way_.push(std::move(datagram));
    return;
  }
  const auto later = [&](std::uint64_t nanoseconds) {
    UnderWay copy = datagram;
    copy.order = next_order_++;
    copy.at = copy.at + Duration::from_nanoseconds(static_cast<std::int64_t>(random_.below(nanoseconds)));
    return copy;
  };
  if (chance(faults_.doubled)) under_way_.push(later(100'000));
  if (chance(faults_.replayed)) under_way_.push(later(30'000'000));
  if (chance(faults_.delayed)) datagram.at = later(500'000).at;
  if (chance(faults_.corrupted)) {
    for (std::uint64_t n = 1 + random_.below(3); n != 0; --n) {
      const std::size_t covered = transmission.datagram.bytes();
      datagram.bytes[random_.below(covered)] ^= static_cast<std::uint8_t>(1 << random_.below(8));
    }
  }
  under_way_.push(std::move(datagram));
}

void FaultyPair::arrive(UnderWay datagram) {
  Side& side = sides_[datagram.to];
  const auto parsed = wire::SrdDatagram::parse(datagram.bytes);
  if (!parsed) return;
  const Reception reception = side.connection.on_datagram(clock(datagram.to), *parsed, datagram.marked);
  if (reception.arrival == Arrival::kDeliver) {
    if (now_ < faults_until_ && chance(faults_.refused)) {
      side.connection.refuse(clock(datagram.to), reception.psn, 3);
    } else {
      Fate& fate = fates_[datagram.token];
      if (datagram.token == 0) fail("something without a token is delivered");
      if (fate.delivered) fail("message " + std::to_string(datagram.token) + " is delivered twice");
      if (fate.end == End::kNeverSent) fail("what was told as never sent arrives");
      fate.delivered = true;
      ++delivered_count_;
    }
  }
  pump(datagram.to);
}

void FaultyPair::take_events(int i) {
  Event event;
  while (sides_[i].connection.poll_event(event)) {
    End end = End::kNone;
    switch (event.kind) {
      case Event::Kind::kDelivered:
        end = End::kDelivered;
        break;
      case Event::Kind::kRefused:
        end = End::kRefused;
        if (event.refuse_reason != 3) fail("a refusal's reason changed");
        break;
      case Event::Kind::kUnknown:
        end = End::kUnknown;
        break;
      case Event::Kind::kNeverSent:
        end = End::kNeverSent;
        break;
      default:
        sides_[i].queue_full = false;
        continue;
    }
    Fate& fate = fates_[event.token];
    if (fate.sender != i || fate.incarnation != sides_[i].incarnation)
      fail("an end of somebody else's message");
    if (fate.end != End::kNone) fail("message " + std::to_string(event.token) + " ends twice");
    if (end == End::kDelivered && !fate.delivered) fail("told as delivered, and was not");
    if (end == End::kRefused && fate.delivered) fail("told as refused, and was delivered");
    if (end == End::kNeverSent && fate.delivered) fail("told as never sent, and was delivered");
    fate.end = end;
    --open_messages_;
    ++ended_[static_cast<std::size_t>(end) - 1 == 0 ? 0 : 1];
    sides_[i].queue_full = false;
  }
}

void FaultyPair::reboot(int i) {
  for (auto& [token, fate] : fates_) {
    if (fate.sender == i && fate.incarnation == sides_[i].incarnation && fate.end == End::kNone) {
      fate.end = End::kUnknown;
      --open_messages_;
    }
  }
  Side& side = sides_[i];
  for (std::size_t r = 0; r < kDropReasons; ++r)
    side.dropped_before[r] += side.connection.counters().dropped[r];
  const Settings own = settings_of(i);
  side.incarnation = own.incarnation;
  side.connection = Connection(own, random_.next());
  side.queue_full = false;
}

void FaultyPair::check(int i) {
  const Connection& connection = sides_[i].connection;
  const std::size_t most = 16'384 + 2 * settings_.flight_messages * 80 + settings_.receive_window / 8 +
                           settings_.queue_messages * 64 +
                           (settings_.queue_messages + settings_.flight_messages) * 16;
  if (connection.bytes() > most) fail("memory: " + std::to_string(connection.bytes()) + " bytes");
  if (!connection.is_idle() && connection.next_timeout() == Instant::never()) fail("waits for nothing");
}

std::uint64_t FaultyPair::dropped(DropReason reason) const {
  std::uint64_t sum = 0;
  for (const Side& side : sides_) {
    sum += side.dropped_before[static_cast<std::size_t>(reason)] +
           side.connection.counters().dropped[static_cast<std::size_t>(reason)];
  }
  return sum;
}

void FaultyPair::fail(const std::string& what) {
  if (violation_.empty())
    violation_ = "seed " + std::to_string(seed_) + " at " + std::to_string(now_.nanoseconds) + " ns: " + what;
}

}  // namespace enid::srd
