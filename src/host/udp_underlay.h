// UdpUnderlay: the underlay between cards as UDP sockets.
//
// Theory of operation
//   One socket listens for each channel; kPaths more, on ports that the kernel chose, only send: a datagram's
//   path is its socket. Datagrams for one host, path and channel that follow each other and are equally long
//   leave in one system call as one super-datagram (UDP GSO), and come in the same way (UDP GRO), so that the
//   kernel's network stack is crossed once for up to 64 KiB. The don't-fragment bit is always set: a card's
//   datagrams fit, or the MTU is wrong and somebody must be told (mtu_to).
//
// Invariants
//   (1) No call waits. (2) Memory is one arena of kArenaBytes for what arrives.
//   (3) What a receive() call takes from the kernel but has no room to answer is answered by the next one.
//
// Sources: Documented: udp(7) UDP_SEGMENT, UDP_GRO; ip(7) IP_MTU, IP_MTU_DISCOVER, IP_RECVTOS, IP_TOS.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "fabric/underlay.h"
#include "host/unique_fd.h"

namespace enid::host {

struct UdpUnderlayOptions {
  Ipv4Address address;  // This host's, in the underlay.
  std::uint16_t geneve_port = 6081;
  // Chosen: next to Geneve's, unassigned by IANA.
  std::uint16_t srd_port = 6082;
};

struct UdpUnderlayCounters {
  std::uint64_t sent = 0;  // Datagrams, on the wire.
  std::uint64_t received = 0;
  std::uint64_t send_calls = 0;
  std::uint64_t receive_calls = 0;
  std::uint64_t too_long = 0;     // Longer than the path's MTU.
  std::uint64_t unreachable = 0;  // No route, or the network refused.
  std::uint64_t truncated = 0;    // Arrived longer than any datagram of ours.
};

class UdpUnderlay final : public fabric::Underlay {
 public:
  static constexpr std::size_t kReceiveMessages = 8;
  static constexpr std::size_t kMessageBytes = 65'536;
  static constexpr std::size_t kArenaBytes = kReceiveMessages * kMessageBytes;

  // Refused: the address is not this host's, or a port is taken.
  static Result<std::unique_ptr<UdpUnderlay>> create(const UdpUnderlayOptions& options);

  std::size_t send(std::span<const fabric::OutgoingDatagram> datagrams) override;
  std::size_t receive(std::span<fabric::ArrivedDatagram> datagrams) override;
  Result<std::uint32_t> mtu_to(Ipv4Address host) override;

  // To be watched for reading.
  std::array<int, 2> fds() const { return {listeners_[0].get(), listeners_[1].get()}; }
  const UdpUnderlayCounters& counters() const { return counters_; }

 private:
  explicit UdpUnderlay(const UdpUnderlayOptions& options);
  enum class Sent : std::uint8_t { kDone, kNoRoom };

  std::uint16_t port_of(fabric::Channel channel) const;
  Sent send_run(std::span<const fabric::OutgoingDatagram> run, std::size_t datagram_bytes);
  void take_from(fabric::Channel channel);

  UdpUnderlayOptions options_;
  std::array<UniqueFd, 2> listeners_;  // By channel.
  std::vector<UniqueFd> paths_;
  // Page-aligned: the kernel's copy to elsewhere takes four times as long on some processors.
  struct alignas(4096) Arena {
    std::array<std::uint8_t, kArenaBytes> bytes;
  };
  std::unique_ptr<Arena> arena_;
  std::vector<fabric::ArrivedDatagram> arrived_;
  std::size_t answered_ = 0;                      // Of `arrived_`.
  fabric::Channel busy_ = fabric::Channel::kSrd;  // The last that had something.
  std::uint32_t receives_ = 0;
  UdpUnderlayCounters counters_;
};

}  // namespace enid::host
