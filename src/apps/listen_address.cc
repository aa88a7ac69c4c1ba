#include "apps/listen_address.h"

#include <fmt/format.h>

#include <charconv>

#include "base/ip_address.h"

namespace enid::apps {

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? "" : text.substr(0, colon);
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  if (host.empty() || host == "localhost") host = "127.0.0.1";

  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const auto address = Ipv4Address::parse(host);
  if (error != std::errc{} || end != port.data() + port.size() || number > 65'535 || !address) {
    return failure(std::make_error_code(std::errc::invalid_argument),
                   fmt::format("--listen {}: expected HOST:PORT, HOST a numeric IPv4 address", text));
  }
  return ListenAddress{.host = std::string(host),
                       .port = static_cast<std::uint16_t>(number),
                       .loopback = host.starts_with("127.")};
}

}  // namespace enid::apps
