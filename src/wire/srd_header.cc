#include "wire/srd_header.h"

namespace enid::wire {
namespace {

std::uint64_t load_be64(const std::uint8_t* p) {
  return (static_cast<std::uint64_t>(load_be32(p)) << 32) | load_be32(p + 4);
}

void store_be64(std::uint8_t* p, std::uint64_t v) {
  store_be32(p, static_cast<std::uint32_t>(v >> 32));
  store_be32(p + 4, static_cast<std::uint32_t>(v));
}

std::size_t body_bytes(SrdType type) {
  switch (type) {
    case SrdType::kData:
    case SrdType::kProbe:
      return 0;
    case SrdType::kAcknowledgement:
      return SrdAcknowledgement::kBytes;
    default:
      return SrdSetup::kBytes;
  }
}

SrdHeader parse_header(const std::uint8_t* p) {
  SrdHeader h;
  h.type = static_cast<SrdType>(p[0] & 0x0f);
  h.flags = p[1];
  h.epoch = load_be16(p + 2);
  h.context = load_be32(p + 4);
  h.psn = load_be32(p + 8);
  h.slot = p[12];
  h.path_sequence = load_be16(p + 14);
  h.sent_at = load_be32(p + 16);
  h.flow_tag = load_be16(p + 20);
  h.payload_bytes = load_be16(p + 22);
  h.flow_sequence = load_be32(p + 24);
  h.vni = load_be32(p + 28) >> 8;

  return h;
}

void write_header(const SrdHeader& h, std::uint8_t* p) {
  p[0] = static_cast<std::uint8_t>(SrdHeader::kVersion << 4 | static_cast<std::uint8_t>(h.type));
  p[1] = h.flags;
  store_be16(p + 2, h.epoch);
  store_be32(p + 4, h.context);
  store_be32(p + 8, h.psn);
  p[12] = h.slot;
  p[13] = 0;
  store_be16(p + 14, h.path_sequence);
  store_be32(p + 16, h.sent_at);
  store_be16(p + 20, h.flow_tag);
  store_be16(p + 22, h.payload_bytes);
  store_be32(p + 24, h.flow_sequence);
  store_be32(p + 28, h.vni << 8);
  if ((h.flags & SrdFlags::kTagged) != 0) store_be64(p + SrdHeader::kBytes, h.tag);
}

SrdAcknowledgement parse_acknowledgement(const std::uint8_t* p) {
  SrdAcknowledgement a;
  a.cumulative = load_be32(p);
  a.selective_base = load_be32(p + 4);
  for (std::size_t i = 0; i < a.selective.size(); ++i) a.selective[i] = load_be64(p + 8 + 8 * i);
  a.clean_slots = load_be64(p + 40);
  a.late_slots = load_be64(p + 48);
  a.echo_sent_at = load_be32(p + 56);
  a.echo_path_sequence = load_be16(p + 60);
  a.echo_slot = p[62];
  a.drop_reason = p[63];
  a.drop_psn = load_be32(p + 64);
  a.hold = load_be16(p + 68);
  a.queue_delay = load_be16(p + 70);
  a.arrivals = p[72];
  a.marked = p[73];
  a.window = load_be16(p + 74);
  a.share = load_be32(p + 76);
  return a;
}

void write_acknowledgement(const SrdAcknowledgement& a, std::uint8_t* p) {
  store_be32(p, a.cumulative);
  store_be32(p + 4, a.selective_base);
  for (std::size_t i = 0; i < a.selective.size(); ++i) store_be64(p + 8 + 8 * i, a.selective[i]);
  store_be64(p + 40, a.clean_slots);
  store_be64(p + 48, a.late_slots);
  store_be32(p + 56, a.echo_sent_at);
  store_be16(p + 60, a.echo_path_sequence);
  p[62] = a.echo_slot;
  p[63] = a.drop_reason;
  store_be32(p + 64, a.drop_psn);
  store_be16(p + 68, a.hold);
  store_be16(p + 70, a.queue_delay);
  p[72] = a.arrivals;
  p[73] = a.marked;
  store_be16(p + 74, a.window);
  store_be32(p + 76, a.share);
}

SrdSetup parse_setup(const std::uint8_t* p) {
  return {.incarnation = load_be64(p),
          .peer_incarnation = load_be64(p + 8),
          .context = load_be32(p + 16),
          .epoch = load_be16(p + 20),
          .cookie = load_be64(p + 24),
          .made_at = load_be64(p + 32)};
}

void write_setup(const SrdSetup& s, std::uint8_t* p) {
  store_be64(p, s.incarnation);
  store_be64(p + 8, s.peer_incarnation);
  store_be32(p + 16, s.context);
  store_be16(p + 20, s.epoch);
  store_be16(p + 22, 0);
  store_be64(p + 24, s.cookie);
  store_be64(p + 32, s.made_at);
}

}  // namespace

std::size_t SrdDatagram::bytes() const { return header.bytes() + body_bytes(header.type); }

std::optional<SrdDatagram> SrdDatagram::parse(ConstBytes datagram) {
  if (datagram.size() < SrdHeader::kBytes || datagram[0] >> 4 != SrdHeader::kVersion) return std::nullopt;
  std::optional<SrdDatagram> parsed{std::in_place};
  parsed->header = parse_header(datagram.data());
  SrdHeader& header = parsed->header;
  if (header.type < SrdType::kData || header.type > SrdType::kClose) return std::nullopt;
  const std::size_t body = body_bytes(header.type);
  if (datagram.size() != header.bytes() + body + header.payload_bytes) return std::nullopt;
  if (header.type != SrdType::kData && header.payload_bytes != 0) return std::nullopt;
  if ((header.flags & SrdFlags::kTagged) != 0) header.tag = load_be64(datagram.data() + SrdHeader::kBytes);
  const std::uint8_t* const body_begin = datagram.data() + header.bytes();
  if (header.type == SrdType::kAcknowledgement) {
    parsed->body = parse_acknowledgement(body_begin);
  } else if (body != 0) {
    parsed->body = parse_setup(body_begin);
  }
  return parsed;
}

void SrdDatagram::write(Bytes out) const {
  write_header(header, out.data());
  if (const auto* acknowledgement = std::get_if<SrdAcknowledgement>(&body)) {
    write_acknowledgement(*acknowledgement, out.data() + header.bytes());
  } else if (const auto* setup = std::get_if<SrdSetup>(&body)) {
    write_setup(*setup, out.data() + header.bytes());
  }
}

}  // namespace enid::wire
