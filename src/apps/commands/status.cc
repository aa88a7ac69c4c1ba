// enid status: one look at everything that runs.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/operator_client.h"
#include "apps/text_table.h"

namespace enid::apps {
namespace {

using Json = nlohmann::json;

std::string joined(const Json& words, std::string_view separator) {
  std::string text;
  for (const auto& word : words)
    text += (text.empty() ? "" : std::string(separator)) + word.get<std::string>();
  return text.empty() ? "-" : text;
}

std::string span_of_time(std::uint64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

std::string amount(const Json& interface, const char* packets, const char* bytes) {
  const double b = static_cast<double>(interface.value(bytes, std::uint64_t{0}));
  const std::uint64_t p = interface.value(packets, std::uint64_t{0});
  if (b < 10'000) return fmt::format("{} pkt {:.0f} B", p, b);
  if (b < 1e7) return fmt::format("{} pkt {:.1f} kB", p, b / 1e3);
  if (b < 1e10) return fmt::format("{} pkt {:.1f} MB", p, b / 1e6);
  return fmt::format("{} pkt {:.1f} GB", p, b / 1e9);
}

std::string drops_of(const Json& interface) {
  std::string text;
  const Json drops = interface.value("drops", Json::object());
  for (const auto& [reason, count] : drops.items()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", reason, count.get<std::uint64_t>());
  }
  return text.empty() ? "none" : text;
}

void print_daemon(const Json& status) {
  fmt::print("enid {}  process {}, up {}, {:.1f} MiB\n", status.value("version", ""), status.value("pid", 0),
             span_of_time(status.value("uptime_seconds", std::uint64_t{0})), status.value("rss_mib", 0.0));
  fmt::print("  endpoint  {}\n  state     {}\n", status.value("endpoint", ""), status.value("state", ""));
  fmt::print("  revision  {} in the store, {} on the card\n", status.value("revision", std::uint64_t{0}),
             status.value("card_revision", std::uint64_t{0}));
  fmt::print("  card      {} flows, {} tracked connections, {} cache hits, {} misses\n",
             status.value("flows", std::uint64_t{0}), status.value("tracked_connections", std::uint64_t{0}),
             status.value("flow_cache_hits", std::uint64_t{0}),
             status.value("flow_cache_misses", std::uint64_t{0}));
}

// "connected since 2026-…, 10.99.0.2, us-east-1a, program 17": what there is to say of a host elsewhere.
std::string link_of(const Json& host) {
  std::string text;
  const auto add = [&](const std::string& words) { text += (text.empty() ? "" : ", ") + words; };
  if (host.contains("connected_since")) add("connected since " + host.value("connected_since", ""));
  if (host.contains("lost_since")) add("lost since " + host.value("lost_since", ""));
  if (!host.value("connected", true) && !host.contains("lost_since")) add("not connected");
  const std::string address = host.value("underlay_address", host.value("address", ""));
  if (!address.empty() && address != "0.0.0.0") add(address);
  const std::string zones = joined(host.value("availability_zones", Json::array()), " ");
  if (zones != "-") add(zones);
  if (host.contains("instances")) add(fmt::format("{} instances", host.value("instances", 0)));
  if (host.contains("card_revision"))
    add(fmt::format("program {}", host.value("card_revision", std::uint64_t{0})));
  if (host.contains("state")) add("state in " + host.value("state", ""));
  return text;
}

void print_hosts(const Json& hosts) {
  for (const auto& host : hosts) {
    fmt::print("  {:<9} ", host.value("id", ""));
    const std::string link = link_of(host);
    if (!link.empty()) fmt::print("{}\n            ", link);
    const char* separator = "";
    for (const auto& card : host.value("network_cards", Json::array())) {
      fmt::print("{}network card {}: {} of {} virtual functions in use, {} free", separator,
                 card.value("card", 0), card.value("in_use", 0), card.value("virtual_functions", 0),
                 card.value("free", 0));
      separator = "\n            ";
    }
    fmt::print("\n");
  }
}

// "card 0 VF 17"; an instance that is stopped is on no host.
std::string virtual_function_of(const Json& interface) {
  if (!interface.contains("virtual_function")) return "-";
  return fmt::format("{} card {} VF {}", interface.value("host", ""), interface.value("card", 0),
                     interface.value("virtual_function", 0));
}

// "tap", "ena, 2 of 4 queue pairs": those that the guest's driver has made, of those offered. What went wrong
// is told when something did.
std::string port_of(const Json& interface) {
  const std::string kind = interface.value("port", "");
  if (kind.empty()) return "-";
  const int offered = interface.value("queue_pairs", 0), in_use = interface.value("queue_pairs_in_use", 0);
  std::string text = offered == 1 && in_use == 1
                         ? kind + ", 1 queue pair"
                         : fmt::format("{}, {} of {} queue pairs", kind, in_use, offered);
  if (const int resets = interface.value("resets", 0); resets != 0)
    text += fmt::format(", {} resets", resets);
  if (const int broken = interface.value("times_broken", 0); broken != 0)
    text += fmt::format(", broken {} times", broken);
  if (interface.contains("broken_because"))
    text += fmt::format(" and now ({})", interface.value("broken_because", ""));
  return text;
}

std::string place_in_instance(const Json& interface) {
  const std::string instance = interface.value("instance", "");
  if (instance.empty()) return "-";
  const int card = interface.value("network_card_index", 0), index = interface.value("device_index", 0);
  return card == 0 ? fmt::format("{} device {}", instance, index)
                   : fmt::format("{} device {} of network card {}", instance, index, card);
}

void print_instances(const Json& instances) {
  TextTable table({"INSTANCE", "STATE", "TYPE", "REGION", "ADDRESS", "NAME"});
  for (const auto& i : instances) {
    table.add({i.value("id", ""), i.value("state", ""), i.value("type", ""), i.value("region", ""),
               i.value("address", "-"), i.value("name", "")});
  }
  if (table.empty()) {
    fmt::print("\nno instances\n");
  } else {
    fmt::print("\n{}", table.text(""));
  }
}

void print_interfaces(const Json& interfaces) {
  TextTable table(
      {"INTERFACE", "AT", "HELD OF THE HOST", "PORT", "MAC", "ADDRESSES", "SENT", "RECEIVED", "DROPS"});
  for (const auto& i : interfaces) {
    table.add({i.value("id", ""), place_in_instance(i), virtual_function_of(i), port_of(i),
               i.value("mac", ""), joined(i.value("addresses", Json::array()), " "),
               amount(i, "sent_packets", "sent_bytes"), amount(i, "received_packets", "received_bytes"),
               drops_of(i)});
  }
  if (!table.empty()) fmt::print("\n{}", table.text(""));
}

}  // namespace

int run_status(const StatusOptions& options) {
  const auto status = ask_daemon(StateFolder(options.state), "GET", "/status");
  if (!status) return complain(status.error(), 3);
  if (options.json) {
    fmt::print("{}\n", status->dump(2));
    return 0;
  }
  print_daemon(*status);
  print_hosts(status->value("hosts", Json::array()));
  print_instances(status->value("instances", Json::array()));
  print_interfaces(status->value("interfaces", Json::array()));
  return 0;
}

}  // namespace enid::apps
