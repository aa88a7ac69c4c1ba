#include "instances/route_request.h"

#include <linux/rtnetlink.h>

#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace enid::instances {

void RouteRequest::add(std::uint16_t type, const void* value, std::size_t size) {
  const rtattr header{static_cast<std::uint16_t>(RTA_LENGTH(size)), type};
  append(&header, sizeof header);
  append(value, size);
}

void RouteRequest::add(std::uint16_t type, Ipv4Address address) {
  std::array<std::uint8_t, 4> bytes;
  store_be32(bytes.data(), address.value);
  add(type, bytes.data(), bytes.size());
}

void RouteRequest::add_text(std::uint16_t type, std::string_view text) {
  std::array<char, 64> copy{};
  CHECK(text.size() < copy.size());
  std::memcpy(copy.data(), text.data(), text.size());
  add(type, copy.data(), text.size() + 1);
}

std::size_t RouteRequest::begin_nest(std::uint16_t type) {
  const std::size_t begin = size_;
  const rtattr header{0, type};
  append(&header, sizeof header);
  return begin;
}

void RouteRequest::end_nest(std::size_t begin) {
  const auto length = static_cast<unsigned short>(size_ - begin);
  std::memcpy(bytes_.data() + begin + offsetof(rtattr, rta_len), &length, sizeof length);
}

void RouteRequest::add_flags(std::uint16_t flags) {
  header_.nlmsg_flags = static_cast<std::uint16_t>(header_.nlmsg_flags | flags);
}

std::span<const std::uint8_t> RouteRequest::finish(std::uint32_t sequence) {
  header_.nlmsg_seq = sequence;
  header_.nlmsg_len = static_cast<std::uint32_t>(size_);
  std::memcpy(bytes_.data(), &header_, sizeof header_);
  return {bytes_.data(), size_};
}

void RouteRequest::append(const void* value, std::size_t size) {
  CHECK(size_ + NLMSG_ALIGN(size) <= bytes_.size());
  std::memcpy(bytes_.data() + size_, value, size);
  size_ += NLMSG_ALIGN(size);
}

}  // namespace enid::instances
