#include "instances/init/packet_socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace enid::instances {
namespace {

sockaddr_ll address_of(unsigned link) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_IP);
  address.sll_ifindex = static_cast<int>(link);
  address.sll_halen = ETH_ALEN;
  std::memset(address.sll_addr, 0xff, ETH_ALEN);
  return address;
}

}  // namespace

Result<PacketSocket> PacketSocket::open(unsigned link) {
  // Without a protocol until bind(): otherwise it would hear every interface first, and bind
  // would wait for an RCU grace period.
  host::UniqueFd socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return errno_failure("open a packet socket");
  // UDP, not a later fragment, destination port 68. From the IPv4 header's first byte.
  static constexpr std::array<sock_filter, 9> kProgram = {sock_filter BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
                                                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 6),
                                                          BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
                                                          BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
                                                          BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
                                                          BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
                                                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 0, 1),
                                                          BPF_STMT(BPF_RET | BPF_K, 0xffff),
                                                          BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_fprog filter{kProgram.size(), const_cast<sock_filter*>(kProgram.data())};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
    return errno_failure("filter a packet socket");
  const sockaddr_ll address = address_of(link);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_failure("bind a packet socket");
  return PacketSocket(std::move(socket), link);
}

void PacketSocket::broadcast(ConstBytes packet) const {
  const sockaddr_ll address = address_of(link_);
  ::sendto(socket_.get(), packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&address),
           sizeof address);
}

ConstBytes PacketSocket::receive(Bytes room) const {
  const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), 0);
  return count > 0 ? ConstBytes(room).first(static_cast<std::size_t>(count)) : ConstBytes{};
}

}  // namespace enid::instances
