#include "instances/init/dhcp_lease.h"

#include <charconv>

namespace enid::instances {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<Ipv4Address> parse_addresses(std::string_view text) {
  std::vector<Ipv4Address> addresses;
  for (const std::string_view part : split(text, ' '))
    if (const auto address = Ipv4Address::parse(part)) addresses.push_back(*address);
  return addresses;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

bool is_domain(std::string_view text) {
  return text.size() <= 255 && text.find_first_not_of(
                                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789.-_ ") == std::string_view::npos;
}

const char* const kDhcpEventScript =
    "#!/bin/sh\n"
    "printf '%s|%s|%s|%s|%s|%s|%s|%s\\n' \"$1\" \"$interface\" \"$ip\" \"$mask\" \"$router\" \"$dns\" "
    "\"$domain\" \"$mtu\" > /run/enid/dhcp-events\n";

std::optional<DhcpEvent> parse_dhcp_event(std::string_view line) {
  const std::vector<std::string_view> fields = split(line, '|');
  if (fields.size() < 2) return std::nullopt;
  DhcpEvent event;
  event.interface = fields[1];
  if (fields[0] == "deconfig") return event;
  if (fields[0] == "metadata" && fields.size() == 3) {
    event.addresses = parse_addresses(fields[2]);
    return event;
  }
  if ((fields[0] != "bound" && fields[0] != "renew") || fields.size() != 8) return std::nullopt;
  const auto address = Ipv4Address::parse(fields[2]);
  const auto prefix_length = parse_number<std::uint8_t>(fields[3]);
  if (!address || !prefix_length || *prefix_length > 32) return std::nullopt;
  DhcpLease lease{
      .address = *address, .prefix_length = *prefix_length, .router = {}, .name_servers = {}, .domain = {}};
  const std::vector<Ipv4Address> routers = parse_addresses(fields[4]);
  if (!routers.empty()) lease.router = routers.front();
  lease.name_servers = parse_addresses(fields[5]);
  if (is_domain(fields[6])) lease.domain = fields[6];
  // Documented: the smallest MTU that a lease may carry is 68 (RFC 2132 section 5.1).
  const auto mtu = parse_number<std::uint16_t>(fields[7]);
  if (mtu && *mtu >= 68) lease.mtu = *mtu;
  event.lease = std::move(lease);
  return event;
}

std::string write_metadata_event(std::string_view interface, const std::vector<Ipv4Address>& addresses) {
  std::string line = "metadata|" + std::string(interface) + "|";
  for (const Ipv4Address& address : addresses)
    line += (&address == addresses.data() ? "" : " ") + address.text();
  line += "\n";
  return line;
}

}  // namespace enid::instances
