// enid lab: several hosts on one machine. This is how it is asked for and what it says; src/lab does the
// work.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/lab_hosts.h"
#include "apps/operator_client.h"
#include "lab/lab.h"
#include "lab/quantities.h"

namespace enid::apps {
namespace {

// Beside each other in a picture; more are told as a range.
constexpr std::uint16_t kColumnsMax = 6;
constexpr int kColumnWidth = 13;

std::string own_path() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

std::string name_flag(const std::string& name) { return name.empty() ? "" : " --name " + name; }

void tell(const std::string& line) {
  fmt::print("  {}\n", line);
  std::fflush(stdout);
}

void stop_hosts(const lab::LabRecord& record) { stop_lab_hosts(record, own_path(), tell); }

std::vector<std::string> columns(const char* kind, std::uint16_t count) {
  std::vector<std::string> names;
  for (std::uint16_t number = 1; number <= count; ++number) {
    if (count > kColumnsMax && number == kColumnsMax - 1) {
      names.emplace_back("…");
      number = static_cast<std::uint16_t>(count - 1);
    } else {
      names.push_back(fmt::format("{}-{}", kind, number));
    }
  }
  return names;
}

std::string impairment_text(const lab::Impairment& impairment) {
  std::vector<std::string> parts;
  if (impairment.down) parts.emplace_back("down");
  if (impairment.loss != 0) parts.push_back(lab::share_text(impairment.loss) + " lost");
  if (impairment.rate != 0) parts.push_back(lab::rate_text(impairment.rate));
  if (impairment.delay.nanoseconds != 0) parts.push_back("+" + lab::duration_text(impairment.delay));
  return fmt::format("{}", fmt::join(parts, ", "));
}

// Spines whose links are all alike are one line.
std::vector<std::string> impairment_lines(const lab::LabRecord& record) {
  std::vector<std::string> lines;
  for (std::uint16_t spine = 1; spine <= record.plan.spines; ++spine) {
    bool alike = true;
    for (std::uint16_t host = 2; host <= record.plan.hosts; ++host)
      alike = alike && record.impairment({host, spine}) == record.impairment({1, spine});
    for (std::uint16_t host = 1; host <= (alike ? 1 : record.plan.hosts); ++host) {
      const std::string text = impairment_text(record.impairment({host, spine}));
      if (text.empty()) continue;
      lines.push_back((alike ? fmt::format("spine-{}", spine) : lab::link_text({host, spine})) + ": " + text);
    }
  }
  return lines;
}

void draw(const lab::LabRecord& record) {
  const lab::FabricPlan& plan = record.plan;
  const auto row = [](const std::vector<std::string>& cells) {
    std::string line = "    ";
    for (const std::string& cell : cells) line += fmt::format("{:<{}}", cell, kColumnWidth);
    fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  };
  const std::vector<std::string> spines = columns("spine", plan.spines);
  const std::vector<std::string> hosts = columns("host", plan.hosts);
  std::vector<std::string> addresses;
  for (std::uint16_t host = 1; host <= plan.hosts; ++host) {
    if (plan.hosts > kColumnsMax && host == kColumnsMax - 1) {
      addresses.emplace_back("…");
      host = static_cast<std::uint16_t>(plan.hosts - 1);
    } else {
      addresses.push_back(lab::host_address(host).text());
    }
  }
  const std::size_t width = std::max(spines.size(), hosts.size());
  std::string bus = "      ";
  for (std::size_t column = 0; column < width; ++column) {
    const bool last = column + 1 == width;
    const bool up = column < spines.size();
    const bool down = column < hosts.size();
    const char* knot = last          ? (up && down ? "┤"
                                        : up       ? "┘"
                                                   : "┐")
                       : column == 0 ? "├"
                       : up && down  ? "┼"
                       : up          ? "┴"
                                     : "┬";
    bus += knot;
    for (int i = 1; i < kColumnWidth && !last; ++i) bus += "─";
  }
  fmt::print("\n");
  row(spines);
  fmt::print("{}   each host has a link to each spine: {}, {}\n", bus,
             plan.rate != 0 ? lab::rate_text(plan.rate) : "no limit of rate",
             plan.delay.nanoseconds != 0 ? lab::duration_text(plan.delay) : "no delay");
  row(hosts);
  row(addresses);
  for (const std::string& line : impairment_lines(record)) fmt::print("    {}\n", line);
  fmt::print("\n");
}

void suggest(const lab::LabRecord& record) {
  const std::string flag = name_flag(record.plan.name);
  fmt::print("try next:\n");
  if (!record.network_only) {
    const std::string state = record.state == kDefaultState ? "" : " --state " + record.state;
    fmt::print(
        "  enid aws{} ec2 run-instances --image-id ami-0123456789abcdef0 --instance-type m6i.32xlarge "
        "--count {}\n"
        "  enid status{}\n",
        state, record.plan.hosts, state);
  }
  fmt::print(
      "  ip netns exec {} ping -c 3 {}\n"
      "  enid lab fail{} spine1 --loss 5%\n"
      "  enid lab heal{}\n"
      "  enid lab down{}\n",
      record.plan.host_namespace(1), lab::host_address(2).text(), flag, flag, flag);
}

Result<lab::ImpairmentChange> change_of(const LabLinkOptions& options) {
  lab::ImpairmentChange change{.links = options.links};
  if (!options.rate.empty()) change.rate = TRY(lab::parse_rate(options.rate));
  if (!options.delay.empty()) change.delay = TRY(lab::parse_duration(options.delay));
  if (!options.loss.empty()) change.loss = TRY(lab::parse_share(options.loss));
  if (options.down) change.down = true;
  return change;
}

Result<lab::LabOptions> options_of(const LabCommandOptions& options) {
  lab::LabOptions wanted{.program = own_path()};
  wanted.network_only = options.network_only;
  if (!options.network_only) {
    wanted.state = std::filesystem::absolute(options.state);
    wanted.start_hosts = [listen = options.listen](lab::LabRecord& record) {
      return start_lab_hosts(record, own_path(), listen, tell);
    };
    wanted.stop_hosts = stop_hosts;
  }
  lab::FabricPlan& plan = wanted.plan;
  plan.name = options.name;
  plan.hosts = options.hosts;
  plan.spines = options.spines;
  if (!options.rate.empty()) plan.rate = TRY(lab::parse_rate(options.rate));
  if (!options.delay.empty()) plan.delay = TRY(lab::parse_duration(options.delay));
  plan.buffer_bytes = static_cast<std::uint32_t>(TRY(lab::parse_bytes(options.buffer)));
  plan.mtu = options.mtu;
  plan.seed = options.seed;
  if (!options.fail.links.empty()) {
    if (options.fail.loss.empty()) {
      return failure(std::make_error_code(std::errc::invalid_argument),
                     "--fail says which links, --loss what is wrong with them: --fail spine2 --loss 1%");
    }
    wanted.changes.push_back(TRY(change_of(options.fail)));
  }
  return wanted;
}

Result<void> up(const LabCommandOptions& options) {
  const lab::LabOptions wanted = TRY(options_of(options));
  fmt::print("building a lab of {} hosts and {} spines\n", options.hosts, options.spines);
  const auto record = lab::bring_up(wanted, tell);
  if (!record) return std::unexpected(record.error());
  draw(*record);
  suggest(*record);
  return {};
}

Result<void> down(const LabCommandOptions& options) {
  const lab::LabRemains remains = TRY(lab::take_down(options.name, tell, stop_hosts));
  fmt::print("{}\n",
             remains.namespaces == 0 && remains.processes == 0 ? "there is no lab" : "the lab is gone");
  for (const std::string& process : remains.left_alone)
    fmt::print("  process {} is not enid's and still runs, without a network\n", process);
  return {};
}

void print_json(const lab::LabRecord& record) {
  nlohmann::ordered_json json{{"complete", record.complete},
                              {"hosts", record.plan.hosts},
                              {"spines", record.plan.spines},
                              {"rate", record.plan.rate},
                              {"delay_ns", record.plan.delay.nanoseconds},
                              {"links", nlohmann::json::array()},
                              {"processes", nlohmann::json::array()}};
  for (const lab::LinkId link : record.plan.links()) {
    const lab::Impairment& impairment = record.impairment(link);
    json["links"].push_back({{"host", link.host},
                             {"spine", link.spine},
                             {"address", lab::host_link_address(link).text()},
                             {"rate", impairment.rate != 0 ? impairment.rate : record.plan.rate},
                             {"delay_ns", (record.plan.delay + impairment.delay).nanoseconds},
                             {"loss", impairment.loss / double{lab::kWhole}},
                             {"down", impairment.down}});
  }
  for (const lab::LabProcess& process : record.processes) {
    json["processes"].push_back(
        {{"role", process.role}, {"pid", process.identity.pid}, {"alive", process.identity.is_alive()}});
  }
  fmt::print("{}\n", json.dump(2));
}

Result<void> status(const LabCommandOptions& options) {
  const lab::LabRecord record = TRY(lab::read_lab(options.name));
  if (options.json) {
    print_json(record);
    return {};
  }
  draw(record);
  if (!record.complete)
    fmt::print("  enid lab up did not get to its end; enid lab down{}\n", name_flag(options.name));
  for (const lab::LabProcess& process : record.processes) {
    fmt::print("  {:<20} process {}{}\n", process.role, process.identity.pid,
               process.identity.is_alive() ? "" : ", which has died");
  }
  return {};
}

Result<void> fail(const LabCommandOptions& options) {
  const lab::ImpairmentChange change = TRY(change_of(options.fail));
  if (!change.rate && !change.delay && !change.loss && !change.down) {
    return failure(
        std::make_error_code(std::errc::invalid_argument),
        "what is wrong with " + options.fail.links + "? --loss 5%, --delay 2ms, --rate 50mbit or --down");
  }
  draw(TRY(lab::change_links(options.name, change, own_path())));
  return {};
}

Result<void> heal(const LabCommandOptions& options) {
  draw(TRY(
      lab::heal_links(options.name, options.fail.links.empty() ? "all" : options.fail.links, own_path())));
  return {};
}

}  // namespace

int run_lab(const LabCommandOptions& options) {
  const auto done = options.action == "up"       ? up(options)
                    : options.action == "down"   ? down(options)
                    : options.action == "status" ? status(options)
                    : options.action == "fail"   ? fail(options)
                    : options.action == "heal"   ? heal(options)
                                                 : lab::run_forwarder(options.name, options.spine);
  return done ? 0 : complain(done.error(), 1);
}

}  // namespace enid::apps
