// RouteRequest: one rtnetlink request under construction (rtnetlink(7)), for RouteSocket.
//
// Theory of operation
//   A request is a header, a fixed part that its type decides, and attributes; an attribute may hold
//   attributes (begin_nest, end_nest), and some hold a fixed part before them (add_part).
//
// Invariant: a request has at most kBytesMax bytes. What callers put in has a size that they know; more is a
// bug.
#pragma once

#include <linux/netlink.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ip_address.h"

namespace enid::instances {

class RouteRequest {
 public:
  static constexpr std::size_t kBytesMax = 4096;

  template <class Body>
  RouteRequest(std::uint16_t type, std::uint16_t flags, const Body& body) {
    header_.nlmsg_type = type;
    header_.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
    append(&body, sizeof body);
  }

  void add(std::uint16_t type, const void* value, std::size_t size);
  void add(std::uint16_t type, std::uint32_t value) { add(type, &value, sizeof value); }
  void add(std::uint16_t type, Ipv4Address address);
  void add(std::uint16_t type, const MacAddress& mac) { add(type, mac.bytes.data(), mac.bytes.size()); }
  void add_text(std::uint16_t type, std::string_view text);  // With the zero that the kernel wants.

  // Where the attribute begins, for end_nest.
  std::size_t begin_nest(std::uint16_t type);
  void end_nest(std::size_t begin);
  template <class Part>
  void add_part(const Part& part) {
    append(&part, sizeof part);
  }

  void add_flags(std::uint16_t flags);
  std::span<const std::uint8_t> finish(std::uint32_t sequence);

 private:
  void append(const void* value, std::size_t size);

  nlmsghdr header_{};
  alignas(nlmsghdr) std::array<std::uint8_t, kBytesMax> bytes_{};
  std::size_t size_ = sizeof(nlmsghdr);
};

}  // namespace enid::instances
