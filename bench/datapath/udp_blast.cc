#include "bench/datapath/udp_blast.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "host/clock.h"
#include "host/unique_fd.h"

namespace enid::bench {
namespace {

constexpr unsigned kBatch = 64;

struct Batch {
  std::array<std::array<char, kBlastPayloadBytes>, kBatch> payloads{};
  std::array<iovec, kBatch> parts{};
  std::array<mmsghdr, kBatch> messages{};

  Batch() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      parts[i] = {payloads[i].data(), payloads[i].size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

Duration duration_of(double seconds) {
  return Duration::from_nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace

Result<long> send_blast(const std::string& address, int port, double seconds, long rate) {
  const host::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) {
    return failure(std::make_error_code(std::errc::invalid_argument), "address " + address);
  }
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) {
    return errno_failure("connect to " + address);
  }
  Batch batch;
  long sent = 0;
  const Instant start = host::monotonic_now();
  const Instant end = start + duration_of(seconds);
  for (Instant now = start; now < end; now = host::monotonic_now()) {
    if (rate > 0 && sent > (now - start).nanoseconds / 1'000 * rate / 1'000'000) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      continue;
    }
    const int count = ::sendmmsg(socket.get(), batch.messages.data(), kBatch, 0);
    if (count > 0) sent += count;
    if (count < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) {
      return errno_failure("send datagrams");
    }
  }
  return sent;
}

Result<long> receive_blast(int port, double seconds) {
  const host::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int buffer_bytes = 4 << 20;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  const timeval patience{.tv_sec = 0, .tv_usec = 100'000};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0)
    return errno_failure("bind");
  Batch batch;
  long received = 0;
  Instant end = host::monotonic_now() + duration_of(seconds + 5);  // Until the first one.
  while (host::monotonic_now() < end) {
    const int count = ::recvmmsg(socket.get(), batch.messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (count <= 0) continue;
    if (received == 0) end = host::monotonic_now() + duration_of(seconds);
    received += count;
  }
  return received;
}

}  // namespace enid::bench
