#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sim/scenario_words.h"

namespace enid::sim {
namespace {

using Words = std::vector<std::string_view>;

Words split(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  Words words;
  line = line.substr(0, line.find('#'));
  while (true) {
    const std::size_t begin = line.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(kBlank), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

std::unexpected<Error> wrong(std::string why) {
  return failure(std::make_error_code(std::errc::invalid_argument), std::move(why));
}

// The words of one line, taken one by one.
class LineWords {
 public:
  explicit LineWords(Words words) : words_(std::move(words)) {}

  bool done() const { return at_ == words_.size(); }
  Result<std::string_view> next(const char* what) {
    if (done()) return wrong(fmt::format("{} is missing after \"{}\"", what, words_[at_ - 1]));
    return words_[at_++];
  }
  // The next word as a quantity; `example` is for the error.
  template <class Parse>
  auto take(const char* what, const char* example, Parse parse)
      -> Result<typename decltype(parse(std::string_view()))::value_type> {
    const std::string_view word = TRY(next(what));
    const auto value = parse(word);
    if (!value) return wrong(fmt::format("\"{}\" is not {}; such as {}", word, what, example));
    return *value;
  }
  Result<std::uint32_t> take_count(const char* what, std::uint32_t least, std::uint32_t most) {
    const std::uint64_t value = TRY(take(what, "16", parse_count));
    if (value < least || value > most) {
      return wrong(fmt::format("{} must be from {} to {}", what, least, most));
    }
    return static_cast<std::uint32_t>(value);
  }
  Result<std::uint64_t> take_bytes(const char* what, std::uint64_t least, std::uint64_t most) {
    const std::uint64_t value = TRY(take(what, "2MB", parse_bytes));
    if (value < least || value > most) {
      return wrong(fmt::format("{} must be from {} to {} bytes", what, least, most));
    }
    return value;
  }
  Result<Picoseconds> take_time(const char* what) { return take(what, "50us", parse_time); }
  Result<std::uint64_t> take_rate(const char* what) {
    const std::uint64_t value = TRY(take(what, "100gbit", parse_rate));
    if (value < 1'000'000 || value > 10'000'000'000'000) {
      return wrong(fmt::format("{} must be from 1mbit to 10tbit", what));
    }
    return value;
  }
  Result<void> expect_end() const {
    if (!done()) return wrong(fmt::format("do not know what \"{}\" means here", words_[at_]));
    return {};
  }
  std::string rest() {
    std::string all;
    for (; !done(); ++at_) {
      if (!all.empty()) all += ' ';
      all += words_[at_];
    }
    return all;
  }

 private:
  Words words_;
  std::size_t at_ = 1;  // Behind the directive.
};

Result<bool> take_switch(LineWords& words, const char* what, std::string_view on, std::string_view off) {
  const std::string_view word = TRY(words.next(what));
  if (word == on) return true;
  if (word == off) return false;
  return wrong(fmt::format("{} is {} or {}, not \"{}\"", what, on, off, word));
}

Result<Sender> take_sender(LineWords& words) {
  const std::string_view word = TRY(words.next("a sender"));
  for (const Sender sender : {Sender::kSrd, Sender::kDctcp, Sender::kCubic}) {
    if (word == name_of(sender)) return sender;
  }
  return wrong(fmt::format("no sender is called \"{}\"; srd, dctcp, cubic", word));
}

Result<void> read_title(Scenario& scenario, LineWords& words, std::uint32_t) {
  scenario.title = words.rest();
  return {};
}

Result<void> read_topology(Scenario& scenario, LineWords& words, std::uint32_t) {
  const std::string_view kind = TRY(words.next("fat_tree or leaf_spine"));
  ClosShape shape;
  if (kind == "leaf_spine") {
    while (!words.done()) {
      const std::string_view key = TRY(words.next("a count"));
      if (key == "leaves")
        shape.leaves_per_pod = TRY(words.take_count("leaves", 1, 4096));
      else if (key == "hosts")
        shape.hosts_per_leaf = TRY(words.take_count("hosts a leaf", 1, 4096));
      else if (key == "spines")
        shape.aggregations_per_pod = TRY(words.take_count("spines", 1, 4096));
      else
        return wrong(fmt::format("a leaf_spine has leaves, hosts and spines, not \"{}\"", key));
    }
  } else if (kind == "fat_tree") {
    while (!words.done()) {
      const std::string_view key = TRY(words.next("a count"));
      if (key == "hosts") {
        const std::uint32_t hosts = TRY(words.take_count("hosts", 1, ClosTopology::kHostsMax));
        shape = TRY(ClosTopology::fat_tree(hosts));
      } else if (key == "pods") {
        shape.pods = TRY(words.take_count("pods", 1, 4096));
      } else if (key == "leaves") {
        shape.leaves_per_pod = TRY(words.take_count("leaves a pod", 1, 4096));
      } else if (key == "hosts_per_leaf") {
        shape.hosts_per_leaf = TRY(words.take_count("hosts a leaf", 1, 4096));
      } else if (key == "aggs") {
        shape.aggregations_per_pod = TRY(words.take_count("aggregation switches a pod", 1, 4096));
      } else if (key == "cores_per_agg") {
        shape.cores_per_group = TRY(words.take_count("core links an aggregation switch", 1, 4096));
      } else {
        return wrong(fmt::format("a fat_tree has no \"{}\"", key));
      }
    }
  } else {
    return wrong(fmt::format("a topology is fat_tree or leaf_spine, not \"{}\"", kind));
  }
  TRY(ClosTopology::check(shape));
  scenario.shape = shape;
  return {};
}

// link [LINKS] rate R latency T: all links, or those of a name.
Result<void> read_link(Scenario& scenario, LineWords& words, std::uint32_t line) {
  LinkRate link;
  link.line = line;
  link.links = std::string(TRY(words.next("which links")));
  while (!words.done()) {
    const std::string_view key = TRY(words.next("rate or latency"));
    if (key == "rate")
      link.bits_per_second = TRY(words.take_rate("a rate"));
    else if (key == "latency")
      link.latency = TRY(words.take_time("a latency"));
    else
      return wrong(fmt::format("a link has a rate and a latency, not \"{}\"", key));
  }
  if (link.latency && *link.latency > kSecond) return wrong("a latency is at most 1s");
  if (link.links == "all") {
    if (link.bits_per_second) scenario.port.bits_per_second = *link.bits_per_second;
    if (link.latency) scenario.port.latency = *link.latency;
  } else {
    scenario.links.push_back(std::move(link));
  }
  return {};
}

Result<void> read_queue(Scenario& scenario, LineWords& words, std::uint32_t) {
  constexpr std::uint64_t kMost = 1ULL << 30;
  scenario.port.queue_bytes =
      static_cast<std::uint32_t>(TRY(words.take_bytes("a queue's size", 9000, kMost)));
  while (!words.done()) {
    const std::string_view key = TRY(words.next("ecn"));
    if (key != "ecn") return wrong(fmt::format("a queue has a size and ecn MIN MAX, not \"{}\"", key));
    scenario.port.ecn_min_bytes =
        static_cast<std::uint32_t>(TRY(words.take_bytes("where marks begin", 0, kMost)));
    scenario.port.ecn_max_bytes =
        static_cast<std::uint32_t>(TRY(words.take_bytes("where all are marked", 0, kMost)));
  }
  if (scenario.port.ecn_min_bytes > scenario.port.ecn_max_bytes) return wrong("ecn MIN is above MAX");
  return {};
}

Result<void> read_mtu(Scenario& scenario, LineWords& words, std::uint32_t) {
  scenario.mtu = static_cast<std::uint32_t>(TRY(words.take_bytes("a packet's size", 256, 65'000)));
  return {};
}

Result<void> read_end(Scenario& scenario, LineWords& words, std::uint32_t) {
  scenario.end = TRY(words.take_time("the end"));
  return {};
}

Result<void> read_slices(Scenario& scenario, LineWords& words, std::uint32_t) {
  scenario.slice = TRY(words.take_time("a slice"));
  if (scenario.slice < kMicrosecond) return wrong("a slice is at least 1us");
  return {};
}

Result<void> read_routing(Scenario& scenario, LineWords& words, std::uint32_t) {
  const std::string_view key = TRY(words.next("withdraws"));
  if (key != "withdraws") return wrong("routing withdraws TIME: when switches avoid a link that was cut");
  scenario.withdraw_after = TRY(words.take_time("a time"));
  return {};
}

Result<void> read_sender(Scenario& scenario, LineWords& words, std::uint32_t) {
  scenario.sender = TRY(take_sender(words));
  return {};
}

Result<void> read_srd(Scenario& scenario, LineWords& words, std::uint32_t) {
  while (!words.done()) {
    const std::string_view key = TRY(words.next("a setting"));
    if (key == "paths")
      scenario.srd_paths = TRY(words.take_count("paths", 1, 64));
    else if (key == "target_delay")
      scenario.srd_target_delay = TRY(words.take_time("a delay"));
    else if (key == "contexts")
      scenario.cold_contexts = TRY(take_switch(words, "contexts", "cold", "warm"));
    else if (key == "ecn")
      scenario.srd_ecn = TRY(take_switch(words, "ecn", "on", "off"));
    else
      return wrong(fmt::format("srd has paths, target_delay, contexts and ecn, not \"{}\"", key));
  }
  return {};
}

Result<void> read_tcp(Scenario& scenario, LineWords& words, std::uint32_t) {
  while (!words.done()) {
    const std::string_view key = TRY(words.next("a setting"));
    if (key == "rto_min")
      scenario.tcp_like.rto_min = std::max(TRY(words.take_time("a time")), kMicrosecond);
    else if (key == "initial_window")
      scenario.tcp_like.initial_window = TRY(words.take_count("packets", 1, 10'000));
    else
      return wrong(fmt::format("tcp has rto_min and initial_window, not \"{}\"", key));
  }
  return {};
}

Result<void> read_traffic(Scenario& scenario, LineWords& words, std::uint32_t line) {
  Traffic traffic;
  traffic.line = line;
  const std::string_view kind = TRY(words.next("a pattern"));
  if (kind == "permutation")
    traffic.kind = Traffic::Kind::kPermutation;
  else if (kind == "incast")
    traffic.kind = Traffic::Kind::kIncast;
  else if (kind == "pairs")
    traffic.kind = Traffic::Kind::kPairs;
  else if (kind == "all_to_all")
    traffic.kind = Traffic::Kind::kAllToAll;
  else
    return wrong(fmt::format("no traffic is called \"{}\"; permutation, incast, pairs, all_to_all", kind));
  while (!words.done()) {
    const std::string_view key = TRY(words.next("a property"));
    if (key == "from")
      traffic.from = TRY(words.take("a list of hosts", "0-7,16", parse_hosts));
    else if (key == "to")
      traffic.to = TRY(words.take("a list of hosts", "0-7,16", parse_hosts));
    else if (key == "flows")
      traffic.flows = TRY(words.take_count("flows", 1, 100'000));
    else if (key == "size")
      traffic.bytes = TRY(words.take_bytes("a size", 1, Scenario::kFlowBytesMax));
    else if (key == "start")
      traffic.start = TRY(words.take_time("a time"));
    else if (key == "spread")
      traffic.spread = TRY(words.take_time("a time"));
    else if (key == "sender")
      traffic.sender = TRY(take_sender(words));
    else if (key == "port")
      traffic.source_port = static_cast<std::uint16_t>(TRY(words.take_count("port", 1, 65'535)));
    else if (key == "balanced")
      traffic.balanced = true;
    else
      return wrong(fmt::format("traffic has no \"{}\"", key));
  }
  const bool needs_from =
      traffic.kind != Traffic::Kind::kPermutation && traffic.kind != Traffic::Kind::kAllToAll;
  if (needs_from && (traffic.from.empty() || traffic.to.empty()))
    return wrong("say from which hosts to which");
  scenario.traffic.push_back(std::move(traffic));
  return {};
}

Result<void> read_fault(Scenario& scenario, LineWords& words, std::uint32_t line) {
  Fault fault;
  fault.line = line;
  if (TRY(words.next("at")) != "at") return wrong("a fault happens at a time: fault at 50us cut agg0-core0");
  fault.when = TRY(words.take_time("a time"));
  const std::string_view kind = TRY(words.next("cut, repair, rate or loss"));
  if (kind == "cut") {
    fault.kind = Fault::Kind::kCut;
  } else if (kind == "repair") {
    fault.kind = Fault::Kind::kRepair;
  } else if (kind == "rate" || kind == "loss") {
    fault.kind = kind == "rate" ? Fault::Kind::kRate : Fault::Kind::kLoss;
    const std::string_view word = TRY(words.next("how much"));
    const auto rate = parse_rate(word);
    const auto fraction = parse_fraction(word);
    if (fault.kind == Fault::Kind::kRate && rate && *rate >= 1'000'000) {
      fault.bits_per_second = *rate;
    } else if (fraction && (fault.kind == Fault::Kind::kLoss || *fraction >= 1e-4)) {
      fault.fraction = *fraction;
    } else {
      return wrong(fmt::format("\"{}\" is not a {}; such as 25%", word, kind));
    }
  } else {
    return wrong(fmt::format("no fault is called \"{}\"; cut, repair, rate, loss", kind));
  }
  fault.links = std::string(TRY(words.next("which links")));
  scenario.faults.push_back(std::move(fault));
  return {};
}

Result<void> read_expectation(Scenario& scenario, LineWords& words, std::uint32_t line) {
  Expectation expectation;
  expectation.line = line;
  expectation.metric = std::string(TRY(words.next("what")));
  const std::string_view relation = TRY(words.next("<= or >="));
  if (relation != "<=" && relation != ">=") return wrong("expect WHAT <= NUMBER, or >=");
  expectation.at_most = relation == "<=";
  const auto number = [](std::string_view word) -> std::optional<double> {
    const auto whole = parse_count(word);
    if (whole) return static_cast<double>(*whole);
    const std::size_t point = word.find('.');
    if (point == std::string_view::npos) return std::nullopt;
    const auto before = parse_count(word.substr(0, point));
    const auto fraction = parse_fraction(word.substr(point));
    if (!before || !fraction) return std::nullopt;
    return static_cast<double>(*before) + *fraction;
  };
  expectation.bound = TRY(words.take("a number", "0.97", number));
  scenario.expectations.push_back(std::move(expectation));
  return {};
}

struct Directive {
  std::string_view name;
  Result<void> (*read)(Scenario&, LineWords&, std::uint32_t line);
};

constexpr Directive kDirectives[] = {
    {"title", read_title},   {"topology", read_topology},
    {"link", read_link},     {"queue", read_queue},
    {"mtu", read_mtu},       {"end", read_end},
    {"slices", read_slices}, {"routing", read_routing},
    {"sender", read_sender}, {"srd", read_srd},
    {"tcp", read_tcp},       {"traffic", read_traffic},
    {"fault", read_fault},   {"expect", read_expectation},
};

Result<void> read_line(Scenario& scenario, std::string_view text, std::uint32_t line) {
  Words words = split(text);
  if (words.empty()) return {};
  const auto* directive = std::ranges::find(kDirectives, words.front(), &Directive::name);
  if (directive == std::end(kDirectives)) {
    return wrong(fmt::format("no directive is called \"{}\"", words.front()));
  }
  LineWords rest(std::move(words));
  TRY(directive->read(scenario, rest, line));
  return rest.expect_end();
}

}  // namespace

Result<Scenario> Scenario::parse(std::string_view text) {
  if (text.size() > kTextBytesMax) return wrong("line 1: a scenario is at most 1 MiB long");
  Scenario scenario;
  std::uint32_t line = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (++line > kLinesMax) return wrong(fmt::format("line {}: at most {} lines", line, kLinesMax));
    if (const auto read = read_line(scenario, text.substr(0, end), line); !read) {
      return wrong(fmt::format("line {}: {}", line, read.error().message));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (scenario.traffic.empty()) return wrong(fmt::format("line {}: there is no traffic", std::max(line, 1U)));
  return scenario;
}

}  // namespace enid::sim
