#include "lab/fabric_plan.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace enid::lab {
namespace {

constexpr std::string_view kPrefix = "enid-lab-";
constexpr std::size_t kNameBytesMax = 24;

std::unexpected<Error> refuse(std::string message) {
  return failure(std::make_error_code(std::errc::invalid_argument), std::move(message));
}

std::string prefix_of(const FabricPlan& plan) {
  return std::string(kPrefix) + (plan.name.empty() ? "" : plan.name + "-");
}

Ipv4Address address(std::uint32_t second, std::uint32_t third, std::uint32_t fourth) {
  return {100u << 24 | second << 16 | third << 8 | fourth};
}

// Locally administered (bit 1 of the first byte).
MacAddress mac(std::uint8_t end, LinkId link) {
  return MacAddress{
      {0x02, 0x1a, 0xb0, end, static_cast<std::uint8_t>(link.spine), static_cast<std::uint8_t>(link.host)}};
}

// "spine2" and "spine-2" are both 2.
std::optional<std::uint16_t> number_behind(std::string_view word, std::string_view text, std::uint16_t max) {
  if (!text.starts_with(word)) return std::nullopt;
  text.remove_prefix(word.size());
  if (text.starts_with("-")) text.remove_prefix(1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (number < 1 || number > max) return std::nullopt;
  return number;
}

}  // namespace

Result<void> check_lab_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.size() > kNameBytesMax || !std::ranges::all_of(name, fits)) {
    return refuse("'" + std::string(name) + "' is not a lab's name: at most " +
                  std::to_string(kNameBytesMax) + " small letters and digits");
  }
  return {};
}

Result<void> FabricPlan::check() const {
  TRY(check_lab_name(name));
  if (hosts < 2 || hosts > kHostsMax)
    return refuse("a lab has 2 to " + std::to_string(kHostsMax) + " hosts, not " + std::to_string(hosts));
  if (spines < 1 || spines > kSpinesMax)
    return refuse("a lab has 1 to " + std::to_string(kSpinesMax) + " spines, not " + std::to_string(spines));
  if (mtu < kMtuMin || mtu > kMtuMax) {
    return refuse("the links' MTU must be " + std::to_string(kMtuMin) + " to " + std::to_string(kMtuMax) +
                  ", so that the 9001 bytes of an instance fit with their headers");
  }
  if (buffer_bytes < 2 * mtu)
    return refuse("a link's buffer must hold two packets: at least " + std::to_string(2 * mtu) + " bytes");
  return {};
}

std::string FabricPlan::host_namespace(std::uint16_t host) const {
  return prefix_of(*this) + "host-" + std::to_string(host);
}

std::string FabricPlan::spine_namespace(std::uint16_t spine) const {
  return prefix_of(*this) + "spine-" + std::to_string(spine);
}

bool FabricPlan::is_namespace_of_ours(std::string_view namespace_name) const {
  const std::string prefix = prefix_of(*this);
  if (!namespace_name.starts_with(prefix)) return false;
  namespace_name.remove_prefix(prefix.size());
  constexpr std::uint16_t kAny = 0xffff;
  return number_behind("host-", namespace_name, kAny) || number_behind("spine-", namespace_name, kAny);
}

std::vector<LinkId> FabricPlan::links() const {
  std::vector<LinkId> links;
  for (std::uint16_t host = 1; host <= hosts; ++host)
    for (std::uint16_t spine = 1; spine <= spines; ++spine) links.push_back({host, spine});
  return links;
}

Ipv4Address host_address(std::uint16_t host) { return address(64, 0, host); }
Ipv4Address host_link_address(LinkId link) { return address(64, link.spine, link.host); }
Ipv4Address spine_link_address(LinkId link) { return address(65, link.spine, link.host); }
Ipv4Prefix plane_addresses(std::uint16_t spine) { return {address(64, spine, 0), 24}; }
MacAddress host_link_mac(LinkId link) { return mac(1, link); }
MacAddress spine_link_mac(LinkId link) { return mac(2, link); }
std::string host_link_name(LinkId link) { return "spine-" + std::to_string(link.spine); }
std::string spine_link_name(LinkId link) { return "host-" + std::to_string(link.host); }
std::string forwarder_device_name(std::string_view link_name) { return "wire-" + std::string(link_name); }
std::string link_text(LinkId link) {
  return "host-" + std::to_string(link.host) + ":spine-" + std::to_string(link.spine);
}

Result<std::vector<LinkId>> parse_links(const FabricPlan& plan, std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view first = text.substr(0, colon);
  const std::string_view second = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const auto host = number_behind("host", first, plan.hosts);
  const auto spine = number_behind("spine", host ? second : first, plan.spines);
  const bool known = colon == std::string_view::npos ? text == "all" || host || spine : host && spine;
  if (!known) {
    return refuse("'" + std::string(text) + "' is no part of this lab; try spine-1 … spine-" +
                  std::to_string(plan.spines) + ", host-1 … host-" + std::to_string(plan.hosts) +
                  ", one link as host-1:spine-1, or all");
  }
  std::vector<LinkId> links = plan.links();
  std::erase_if(links,
                [&](LinkId link) { return (host && link.host != *host) || (spine && link.spine != *spine); });
  return links;
}

}  // namespace enid::lab
