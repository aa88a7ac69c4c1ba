#include "srd/datagram_tag.h"

namespace enid::srd {
namespace {

template <class Hash>
void add_header(Hash& hash, const wire::SrdHeader& h) {
  const auto word = [](auto v, int shift) { return static_cast<std::uint64_t>(v) << shift; };
  hash.add(word(h.type, 0) | word(h.flags, 8) | word(h.epoch, 16) | word(h.context, 32));
  hash.add(word(h.psn, 0) | word(h.slot, 32) | word(h.path_sequence, 40));
  hash.add(word(h.sent_at, 0) | word(h.flow_tag, 32) | word(h.payload_bytes, 48));
  hash.add(word(h.flow_sequence, 0) | word(h.vni, 32));
}

template <class Hash>
void add_body(Hash& hash, const wire::SrdAcknowledgement& a) {
  const auto word = [](auto v, int shift) { return static_cast<std::uint64_t>(v) << shift; };
  hash.add(word(a.cumulative, 0) | word(a.selective_base, 32));
  for (const std::uint64_t mask : a.selective) hash.add(mask);
  hash.add(a.clean_slots);
  hash.add(a.late_slots);
  hash.add(word(a.echo_sent_at, 0) | word(a.echo_path_sequence, 32) | word(a.echo_slot, 48) |
           word(a.drop_reason, 56));
  hash.add(word(a.drop_psn, 0) | word(a.hold, 32) | word(a.queue_delay, 48));
  hash.add(word(a.share, 0) | word(a.window, 32) | word(a.arrivals, 48) | word(a.marked, 56));
}

template <class Hash>
void add_body(Hash& hash, const wire::SrdSetup& s) {
  hash.add(s.incarnation);
  hash.add(s.peer_incarnation);
  hash.add(static_cast<std::uint64_t>(s.context) << 16 | s.epoch);
  hash.add(s.cookie);
  hash.add(s.made_at);
}

template <class Hash>
std::uint64_t tag(const HashKey& key, const wire::SrdDatagram& datagram) {
  Hash hash(key);
  add_header(hash, datagram.header);
  if (const auto* acknowledgement = std::get_if<wire::SrdAcknowledgement>(&datagram.body)) {
    add_body(hash, *acknowledgement);
  } else if (const auto* setup = std::get_if<wire::SrdSetup>(&datagram.body)) {
    add_body(hash, *setup);
  }
  return hash.finish();
}

}  // namespace

std::uint64_t setup_tag(const HashKey& pair_key, const wire::SrdDatagram& datagram) {
  return tag<KeyedHash>(pair_key, datagram);
}

std::uint64_t datagram_tag(const HashKey& session_key, const wire::SrdDatagram& datagram) {
  return tag<FastKeyedHash>(session_key, datagram);
}

}  // namespace enid::srd
