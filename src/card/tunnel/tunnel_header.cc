#include "card/tunnel/tunnel_header.h"

#include <algorithm>

#include "wire/ethernet.h"
#include "wire/geneve.h"

namespace enid::card {
namespace {

using wire::GeneveHeader;
using wire::GeneveOption;

constexpr std::size_t kOptionHeaderBytes = 4;
constexpr std::size_t kMovedBytes = 12;  // MAC, two zero bytes, IPv4 address.

std::uint8_t* write_option(std::uint8_t* at, TunnelOption type, std::size_t value_bytes) {
  store_be16(at, kTunnelOptionClass);
  at[2] = static_cast<std::uint8_t>(type);
  at[3] = static_cast<std::uint8_t>(value_bytes / 4);
  return at + kOptionHeaderBytes;
}

}  // namespace

std::size_t TunnelHeader::write(Bytes into) const {
  GeneveHeader geneve{.vni = vni, .is_control = moved.has_value()};
  std::uint8_t* const options = into.data() + GeneveHeader::kBytesMin;
  if (moved) {
    geneve.option_bytes = kOptionHeaderBytes + kMovedBytes;
    std::uint8_t* value = write_option(options, TunnelOption::kMoved, kMovedBytes);
    std::ranges::copy(moved->mac.bytes, value);
    store_be16(value + 6, 0);
    store_be32(value + 8, moved->host.value);
  } else if (is_forwarded) {
    geneve.option_bytes = kOptionHeaderBytes;
    write_option(options, TunnelOption::kForwarded, 0);
  }
  geneve.write(into);
  return geneve.bytes();
}

std::optional<TunnelDatagram> parse_tunnel_datagram(Bytes bytes) {
  const auto geneve = GeneveHeader::parse(bytes);
  if (!geneve) return std::nullopt;
  TunnelDatagram datagram{.header = {.vni = geneve->vni}, .frame = {}};
  ConstBytes options = ConstBytes(bytes).subspan(GeneveHeader::kBytesMin, geneve->option_bytes);
  while (const auto option = GeneveOption::parse(options)) {
    options = option->rest;
    const bool is_ours = option->option_class == kTunnelOptionClass;
    if (is_ours && option->type == static_cast<std::uint8_t>(TunnelOption::kForwarded)) {
      datagram.header.is_forwarded = true;
    } else if (is_ours && option->type == static_cast<std::uint8_t>(TunnelOption::kMoved) &&
               option->value.size() == kMovedBytes) {
      MovedNotice& moved = datagram.header.moved.emplace();
      std::ranges::copy(option->value.first(6), moved.mac.bytes.begin());
      moved.host.value = load_be32(option->value.data() + 8);
    } else if (option->is_critical()) {
      return std::nullopt;
    }
  }
  // RFC 8926 section 3.4: control messages go to the tunnel's end only, and ours is the only one there is.
  if (geneve->is_control != datagram.header.moved.has_value()) return std::nullopt;
  if (geneve->is_control) return datagram;
  if (geneve->protocol != GeneveHeader::kEthernet) return std::nullopt;
  datagram.frame = bytes.subspan(geneve->bytes());
  if (datagram.frame.size() < wire::EthernetHeader::kBytes) return std::nullopt;
  return datagram;
}

}  // namespace enid::card
