// The bytes of SRD: the header of every datagram behind UDP, and the bodies of those that carry no payload.
//
//   32 bytes of header, then, if a flag says so, 8 bytes of tag over header and body. A kData datagram's
//   payload follows; an acknowledgement is 80 bytes more, a setup datagram 40. The UDP source port is
//   not part of it: it selects the path, and routers may hash what they like.
//
//   Chosen: the whole format. AWS has published no layout of SRD; docs/srd.md says why each field is here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"

namespace enid::wire {

enum class SrdType : std::uint8_t {
  kData = 1,
  kAcknowledgement = 2,
  kProbe = 3,    // No payload; asks for an acknowledgement by the same slot's path.
  kInit = 4,     // Setup: who am I, and which context and epoch shall your datagrams bear?
  kInitAck = 5,  // Setup: the same from the other side, with a cookie instead of memory.
  kConfirm = 6,  // Setup: the cookie back. Only now does the other side remember.
  kReset = 7,    // Setup: I do not know that context and epoch (any more).
  kClose = 8,    // Setup: I let go of this context; nothing was under way.
};

struct SrdFlags {
  static constexpr std::uint8_t kAcknowledgeNow = 1;
  static constexpr std::uint8_t kEndOfBurst = 2;  // The sender has nothing more at the moment.
  static constexpr std::uint8_t kRetransmission = 4;
  static constexpr std::uint8_t kVoid = 8;  // This sequence number ended without payload.
  static constexpr std::uint8_t kOrdered = 16;
  static constexpr std::uint8_t kTagged = 64;
  static constexpr std::uint8_t kDrop = 32;  // In an acknowledgement: drop_psn and drop_reason are set.
};

struct SrdHeader {
  static constexpr std::size_t kBytes = 32;
  static constexpr std::size_t kTagBytes = 8;
  static constexpr std::uint8_t kVersion = 1;

  SrdType type = SrdType::kData;
  std::uint8_t flags = 0;
  std::uint16_t epoch = 0;    // The receiver's, as is the context: it chose both.
  std::uint32_t context = 0;  // Zero only in kInit.
  std::uint32_t psn = 0;      // Packet sequence number of the context; the same in a retransmission.
  std::uint8_t slot = 0;
  std::uint16_t path_sequence = 0;  // Counts datagrams by slot; a path delivers in order, or loses.
  std::uint32_t sent_at = 0;        // The sender's clock in units of kTimeUnit.
  std::uint16_t flow_tag = 0;       // With flow_sequence: order within a guest's flow.
  std::uint16_t payload_bytes = 0;
  std::uint32_t flow_sequence = 0;
  std::uint32_t vni = 0;  // 24 bits.
  std::uint64_t tag = 0;  // With kTagged: keyed hash of header and body; see srd/datagram_tag.h.

  std::size_t bytes() const { return kBytes + ((flags & SrdFlags::kTagged) != 0 ? kTagBytes : 0); }

  static constexpr std::int64_t kTimeUnitNanoseconds = 16;
};

// What a receiver tells; everything in it is state, so a lost acknowledgement costs only time.
struct SrdAcknowledgement {
  static constexpr std::size_t kBytes = 80;
  static constexpr std::size_t kSelectiveWords = 4;
  static constexpr std::uint32_t kSelectiveBits = 64 * kSelectiveWords;

  std::uint32_t cumulative = 0;      // Every PSN before this one has arrived.
  std::uint32_t selective_base = 0;  // PSN of bit 0 of the mask.
  std::array<std::uint64_t, kSelectiveWords> selective{};
  // Slots whose datagrams since the last acknowledgement came as fast as the others', and later.
  std::uint64_t clean_slots = 0;
  std::uint64_t late_slots = 0;
  std::uint32_t echo_sent_at = 0;  // Of the newest arrival.
  std::uint16_t echo_path_sequence = 0;
  std::uint8_t echo_slot = 0;
  std::uint8_t drop_reason = 0;
  std::uint32_t drop_psn = 0;     // With SrdFlags::kDrop: the destination refused this one.
  std::uint16_t hold = 0;         // How long the newest arrival waited for this, in time units.
  std::uint16_t queue_delay = 0;  // Mean delay above the least ever seen, one way, in time units.
  std::uint8_t arrivals = 0;      // Since the last acknowledgement; stops at 255,
  std::uint8_t marked = 0;        // and how many of them bore ECN's CE.
  std::uint16_t window = 0;       // PSNs from `cumulative` on that the receiver can remember.
  std::uint32_t share = 0;        // What this sender may send, in kShareUnit bits a second. 0: no limit.

  static constexpr std::uint64_t kShareUnit = 65'536;
};

struct SrdSetup {
  static constexpr std::size_t kBytes = 40;

  std::uint64_t incarnation = 0;       // Random, of this boot of the sender's card.
  std::uint64_t peer_incarnation = 0;  // The receiver's as far as the sender knows; else zero.
  std::uint32_t context = 0;           // What datagrams to the sender shall bear,
  std::uint16_t epoch = 0;             // from now on. In kReset: what the rejected datagram bore.
  std::uint64_t cookie = 0;
  std::uint64_t made_at = 0;  // The clock of the cookie's maker, in milliseconds.
};

struct SrdDatagram {
  SrdHeader header;
  std::variant<std::monostate, SrdAcknowledgement, SrdSetup> body;

  static constexpr std::size_t kBytesMax =
      SrdHeader::kBytes + SrdHeader::kTagBytes + SrdAcknowledgement::kBytes;

  // Header and body, without payload.
  std::size_t bytes() const;
  // `datagram` is the UDP payload. The body fits the type, payload_bytes what is there.
  static std::optional<SrdDatagram> parse(ConstBytes datagram);
  // Writes bytes() bytes; the payload, if there is one, goes behind them.
  void write(Bytes out) const;
};

}  // namespace enid::wire
