// Small datagrams as fast as one thread sends them, and how many of them another one gets.
#pragma once

#include <string>

#include "base/result.h"

namespace enid::bench {

// 18 bytes of payload are a 64-byte Ethernet frame with its check sequence.
constexpr int kBlastPayloadBytes = 18;

// Answers how many datagrams the socket took. With a rate it sends no more than so many a second, and sleeps
// in between.
Result<long> send_blast(const std::string& address, int port, double seconds, long rate = 0);
// Counts from the first datagram on, for `seconds`.
Result<long> receive_blast(int port, double seconds);

}  // namespace enid::bench
