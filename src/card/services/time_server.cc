#include "card/services/time_server.h"

#include <algorithm>
#include <array>

namespace enid::card {
namespace {

constexpr std::size_t kMessageBytes = 48;
constexpr std::uint8_t kClientMode = 3;
constexpr std::uint8_t kServerMode = 4;
constexpr std::uint8_t kStratum = 3;
constexpr std::uint8_t kPrecision = 0xf6;  // 2^-10 s
constexpr std::uint32_t kReference = 0xa9fea97a;
constexpr std::uint32_t kRootDispersion = 66;  // 1 ms in 2^-16 s.
constexpr std::int64_t kSecondsFrom1900To1970 = 2'208'988'800;

// RFC 4330 section 3: seconds since 1900 and a fraction of 2^-32. Wraps with the era in 2036.
void store_timestamp(std::uint8_t* p, WallTime time) {
  store_be32(p, static_cast<std::uint32_t>(time.seconds_since_epoch() + kSecondsFrom1900To1970));
  store_be32(p + 4, static_cast<std::uint32_t>((time.milliseconds_since_epoch % 1000 << 32) / 1000));
}

}  // namespace

ServiceVerdict answer_time(WallTime now, const ServicePacket& packet, const ReturnPath& back,
                           ServiceFrames& out) {
  // Longer requests carry extension fields or a key we do not have; the header is answered.
  if (packet.payload.size() < kMessageBytes) return ServiceVerdict::kMalformed;
  const std::uint8_t version = packet.payload[0] >> 3 & 7;
  if ((packet.payload[0] & 7) != kClientMode || version == 0 || version > 4)
    return ServiceVerdict::kMalformed;

  std::array<std::uint8_t, kMessageBytes> answer{};
  answer[0] = static_cast<std::uint8_t>(version << 3 | kServerMode);
  answer[1] = kStratum;
  answer[2] = packet.payload[2];
  answer[3] = kPrecision;
  store_be32(&answer[8], kRootDispersion);
  store_be32(&answer[12], kReference);
  store_timestamp(&answer[16], now);                              // Reference.
  std::ranges::copy(packet.payload.subspan(40, 8), &answer[24]);  // Originate: the client's transmit.
  store_timestamp(&answer[32], now);                              // Receive.
  store_timestamp(&answer[40], now);                              // Transmit.
  write_udp(out, back, answer);
  return ServiceVerdict::kServed;
}

}  // namespace enid::card
