#include "srd/datagram_tag.h"

namespace enid::srd {
namespace {

__extension__ using Wide = unsigned __int128;

std::uint64_t word(auto v, int shift) { return static_cast<std::uint64_t>(v) << shift; }

// Both hashes take words in pairs.
void add_header(auto& hash, const wire::SrdHeader& h) {
  hash.add(word(h.type, 0) | word(h.flags, 8) | word(h.epoch, 16) | word(h.context, 32),
           word(h.psn, 0) | word(h.slot, 32) | word(h.path_sequence, 40));
  hash.add(word(h.sent_at, 0) | word(h.flow_tag, 32) | word(h.payload_bytes, 48),
           word(h.flow_sequence, 0) | word(h.vni, 32));
}

void add_body(auto& hash, const wire::SrdAcknowledgement& a) {
  hash.add(word(a.cumulative, 0) | word(a.selective_base, 32), a.clean_slots);
  hash.add(a.selective[0], a.selective[1]);
  hash.add(a.selective[2], a.selective[3]);
  hash.add(a.late_slots, word(a.echo_sent_at, 0) | word(a.echo_path_sequence, 32) | word(a.echo_slot, 48) |
                             word(a.drop_reason, 56));
  hash.add(word(a.drop_psn, 0) | word(a.hold, 32) | word(a.queue_delay, 48),
           word(a.share, 0) | word(a.window, 32) | word(a.arrivals, 48) | word(a.marked, 56));
}

struct SetupHash {
  void add(std::uint64_t a, std::uint64_t b) {
    hash.add(a);
    hash.add(b);
  }
  KeyedHash hash;
};

// RFC 4418 section 5.2.2, with words of twice the length.
struct Nh {
  void add(std::uint64_t a, std::uint64_t b) {
    sum += static_cast<Wide>(a + key[0]) * (b + key[1]);
    key += 2;
  }
  const std::uint64_t* key;
  Wide sum = 0;
};
static_assert(wire::SrdAcknowledgement::kSelectiveWords == 4);

}  // namespace

TagKey::TagKey(const HashKey& session_key) {
  std::uint64_t number = 0;
  const auto next = [&] { return keyed_hash(session_key, std::array{++number}); };
  for (std::uint64_t& secret : words_) secret = next();
  const std::uint64_t low = next();
  cipher_ = AesKey({low, next()});
}

std::uint64_t setup_tag(const HashKey& pair_key, const wire::SrdDatagram& datagram) {
  SetupHash hash{KeyedHash(pair_key)};
  add_header(hash, datagram.header);
  if (const auto* s = std::get_if<wire::SrdSetup>(&datagram.body)) {
    hash.add(s->incarnation, s->peer_incarnation);
    hash.add(word(s->context, 16) | s->epoch, s->cookie);
    hash.hash.add(s->made_at);
  }
  return hash.hash.finish();
}

std::uint64_t datagram_tag(const TagKey& key, const wire::SrdDatagram& datagram) {
  Nh hash{key.words().data()};
  add_header(hash, datagram.header);
  if (const auto* body = std::get_if<wire::SrdAcknowledgement>(&datagram.body)) add_body(hash, *body);
  return key.cipher().encrypt(
      {static_cast<std::uint64_t>(hash.sum), static_cast<std::uint64_t>(hash.sum >> 64)})[0];
}

}  // namespace enid::srd
