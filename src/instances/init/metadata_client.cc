#include "instances/init/metadata_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>

#include "host/unique_fd.h"

namespace enid::instances {
namespace {

constexpr std::uint32_t kMetadataAddress = 0xa9fea9fe;  // 169.254.169.254
constexpr std::size_t kLargestAnswer = 64 * 1024;

// The body of a 200 answer. One request a connection, as HTTP/1.0 has it, so that the end of
// the stream is the end of the body.
Result<std::string> ask(std::string_view method, std::string_view path, std::string_view header) {
  const host::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return errno_failure("make a socket");
  const timeval limit{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(80);
  address.sin_addr.s_addr = htonl(kMetadataAddress);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_failure("connect to the metadata service");
  std::string request(method);
  request.append(" /latest/").append(path).append(" HTTP/1.0\r\nHost: 169.254.169.254\r\n").append(header);
  request.append("\r\n\r\n");
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
    return errno_failure("ask the metadata service");
  std::string answer;
  std::array<char, 4096> bytes;
  for (ssize_t count; (count = ::recv(socket.get(), bytes.data(), bytes.size(), 0)) != 0;) {
    if (count < 0) return errno_failure("hear from the metadata service");
    answer.append(bytes.data(), static_cast<std::size_t>(count));
    if (answer.size() > kLargestAnswer) break;
  }
  const std::size_t body = answer.find("\r\n\r\n");
  const std::size_t status = answer.find(' ');
  if (!answer.starts_with("HTTP/1.") || body == std::string::npos || answer.compare(status, 5, " 200 ") != 0)
    return failure(std::make_error_code(std::errc::protocol_error), "the metadata service refused");
  return answer.substr(body + 4);
}

}  // namespace

Result<std::string> fetch_metadata(std::string_view path) {
  const std::string token = TRY(ask("PUT", "api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60"));
  return ask("GET", "meta-data/" + std::string(path), "X-aws-ec2-metadata-token: " + token);
}

Result<std::vector<Ipv4Address>> fetch_private_addresses(const MacAddress& mac) {
  const std::string text = TRY(fetch_metadata("network/interfaces/macs/" + mac.text() + "/local-ipv4s"));
  std::vector<Ipv4Address> addresses;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (const auto address = Ipv4Address::parse(std::string_view(text).substr(at, end - at)))
      addresses.push_back(*address);
    at = end + 1;
  }
  return addresses;
}

}  // namespace enid::instances
