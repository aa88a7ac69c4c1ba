// TestCard: a PortBinder that plays the card: it answers ARP for every address, leases each
// interface the address it was told, and carries IPv4 packets from device to device by address.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "host/unique_fd.h"
#include "instances/port_binder.h"

namespace enid::instances {

class TestCard final : public PortBinder {
 public:
  static constexpr std::size_t kHeader = 12;  // virtio-net's.

  TestCard() : wake_(::eventfd(0, EFD_CLOEXEC)), thread_([this] { run(); }) {}
  ~TestCard() override {
    ending_ = true;
    wake();
    thread_.join();
  }

  // Which address (in a /24, router .1) an interface leases; none: its DHCP stays unanswered.
  void lease(const NetworkInterfaceId& interface, Ipv4Address address) {
    const std::lock_guard lock(mutex_);
    leases_[interface] = address;
  }
  // A further address that leads to the interface.
  void route(const NetworkInterfaceId& interface, Ipv4Address address) {
    const std::lock_guard lock(mutex_);
    further_[address] = interface;
  }
  std::size_t bound() {
    const std::lock_guard lock(mutex_);
    return taps_.size();
  }
  // Interfaces whose packets with this source address came in.
  std::set<NetworkInterfaceId> senders(Ipv4Address source) {
    const std::lock_guard lock(mutex_);
    return senders_[source];
  }

  void bind(const NetworkInterfaceId& interface, int tap_fd, std::function<void()> done) override {
    {
      const std::lock_guard lock(mutex_);
      taps_[interface] = host::UniqueFd(tap_fd);
    }
    wake();
    done();
  }
  void unbind(const NetworkInterfaceId& interface, std::function<void()> done) override {
    {
      const std::lock_guard lock(mutex_);
      taps_.erase(interface);
    }
    wake();
    done();
  }

 private:
  using Packet = std::vector<std::uint8_t>;
  static constexpr std::array<std::uint8_t, 6> kMac = {2, 0, 0, 0, 0, 1};

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  }

  void run() {
    while (!ending_) {
      std::vector<pollfd> waiting = {{wake_.get(), POLLIN, 0}};
      {
        const std::lock_guard lock(mutex_);
        for (const auto& [interface, tap] : taps_) waiting.push_back({tap.get(), POLLIN, 0});
      }
      ::poll(waiting.data(), waiting.size(), -1);
      std::uint64_t ignored = 0;
      if (waiting[0].revents != 0) [[maybe_unused]]
        const ssize_t count = ::read(wake_.get(), &ignored, sizeof ignored);
      const std::lock_guard lock(mutex_);
      for (const auto& [interface, tap] : taps_) read_from(interface, tap.get());
    }
  }

  void read_from(const NetworkInterfaceId& interface, int tap) {
    Packet frame(70'000);
    for (ssize_t count; (count = ::read(tap, frame.data(), frame.size())) > 0;) {
      const auto size = static_cast<std::size_t>(count);
      if (size < kHeader + 34) continue;
      handle(interface, tap, Packet(frame.begin(), frame.begin() + count));
    }
  }

  void handle(const NetworkInterfaceId& interface, int tap, Packet frame) {
    std::uint8_t* ethernet = frame.data() + kHeader;
    const std::uint16_t type = load_be16(ethernet + 12);
    if (type == 0x0806) return answer_arp(tap, std::move(frame));
    if (type != 0x0800) return;
    const std::uint8_t* ip = ethernet + 14;
    if (ip[9] == 17 && load_be16(ip + 22) == 67) return answer_dhcp(interface, tap, std::move(frame));
    senders_[Ipv4Address{load_be32(ip + 12)}].insert(interface);
    const Ipv4Address target{load_be32(ip + 16)};
    for (const auto& [other, address] : leases_)
      if (address == target) forward(other, std::move(frame));
    if (further_.contains(target)) forward(further_[target], std::move(frame));
  }

  void forward(const NetworkInterfaceId& to, Packet frame) {
    const auto place = taps_.find(to);
    if (place == taps_.end() || frame.empty()) return;
    std::memset(frame.data() + kHeader, 0xff, 6);  // Whoever it is, it will take it.
    send(place->second.get(), frame);
  }

  static void send(int tap, const Packet& frame) {
    [[maybe_unused]] const ssize_t written = ::write(tap, frame.data(), frame.size());
  }

  static void answer_arp(int tap, Packet frame) {
    std::uint8_t* ethernet = frame.data() + kHeader;
    std::uint8_t* arp = ethernet + 14;
    if (load_be16(arp + 6) != 1) return;
    std::array<std::uint8_t, 4> asked;
    std::memcpy(asked.data(), arp + 24, 4);
    std::memcpy(ethernet, ethernet + 6, 6);
    std::memcpy(ethernet + 6, kMac.data(), 6);
    store_be16(arp + 6, 2);
    std::memcpy(arp + 18, arp + 8, 10);
    std::memcpy(arp + 8, kMac.data(), 6);
    std::memcpy(arp + 14, asked.data(), 4);
    send(tap, frame);
  }

  void answer_dhcp(const NetworkInterfaceId& interface, int tap, Packet frame) {
    const auto place = leases_.find(interface);
    if (place == leases_.end()) return;
    const std::uint32_t address = place->second.value;
    const std::uint32_t router = (address & 0xffffff00) | 1;
    const std::uint8_t* bootp = frame.data() + kHeader + 42;
    // The client sends option 53 first of all.
    const std::uint8_t kind = bootp[242];
    if (kind != 1 && kind != 3) return;
    Packet reply(kHeader + 42 + 240, 0);
    std::memcpy(reply.data() + kHeader + 42, bootp, 236);
    std::uint8_t* ethernet = reply.data() + kHeader;
    std::memset(ethernet, 0xff, 6);
    std::memcpy(ethernet + 6, kMac.data(), 6);
    store_be16(ethernet + 12, 0x0800);
    std::uint8_t* out = ethernet + 42;
    out[0] = 2;
    store_be32(out + 16, address);
    store_be32(out + 236, 0x63825363);
    const auto option = [&](std::uint8_t code, std::vector<std::uint8_t> value) {
      reply.push_back(code);
      reply.push_back(static_cast<std::uint8_t>(value.size()));
      reply.insert(reply.end(), value.begin(), value.end());
    };
    const auto bytes = [](std::uint32_t number) {
      std::vector<std::uint8_t> four(4);
      store_be32(four.data(), number);
      return four;
    };
    option(53, {static_cast<std::uint8_t>(kind == 1 ? 2 : 5)});
    option(54, bytes(router));
    option(51, bytes(3600));
    option(1, bytes(0xffffff00));
    option(3, bytes(router));
    option(6, bytes((address & 0xffff0000) | 2));
    option(15, {'t', 'e', 's', 't'});
    option(26, {0x23, 0x29});  // 9001
    reply.push_back(255);
    std::uint8_t* ip = reply.data() + kHeader + 14;
    const auto ip_bytes = static_cast<std::uint16_t>(reply.size() - kHeader - 14);
    ip[0] = 0x45;
    store_be16(ip + 2, ip_bytes);
    ip[8] = 64;
    ip[9] = 17;
    store_be32(ip + 12, router);
    store_be32(ip + 16, 0xffffffff);
    std::uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2) sum += load_be16(ip + i);
    sum = (sum & 0xffff) + (sum >> 16);
    store_be16(ip + 10, static_cast<std::uint16_t>(~((sum & 0xffff) + (sum >> 16))));
    store_be16(ip + 20, 67);
    store_be16(ip + 22, 68);
    store_be16(ip + 24, static_cast<std::uint16_t>(ip_bytes - 20));  // UDP's checksum stays 0: none.
    send(tap, reply);
  }

  std::mutex mutex_;
  std::map<NetworkInterfaceId, host::UniqueFd> taps_;
  std::map<NetworkInterfaceId, Ipv4Address> leases_;
  std::map<Ipv4Address, NetworkInterfaceId> further_;
  std::map<Ipv4Address, std::set<NetworkInterfaceId>> senders_;
  host::UniqueFd wake_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace enid::instances
