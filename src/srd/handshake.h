// Handshake: how two cards agree on contexts and epochs, and how they learn that the other rebooted.
//
// Theory of operation
//     INIT      ->  my incarnation, my context, and the epoch that your datagrams shall bear
//     INIT-ACK  <-  the same of the other side, and a cookie; the other side remembers nothing
//     CONFIRM   ->  the cookie back; now the other side is established
//     (an acknowledgement) <-  now this side is
//
//   All four setup kinds bear a tag under the pair's key. The cookie binds incarnations, contexts, epochs
//   and a time, so that an old INIT or CONFIRM, recorded and sent again, opens nothing: each side takes
//   every epoch once. When both sides begin at once, the greater incarnation's INIT goes on.
//   From then on, data and acknowledgements bear the receiver's context and epoch and a tag under a key
//   of this handshake's own. A datagram with another epoch is answered by RESET, which is believed only
//   when it speaks of the present epoch.
//
//   This class makes and judges setup datagrams; what follows from them is Connection's.
#pragma once

#include <cstdint>
#include <optional>

#include "base/random.h"
#include "base/time.h"
#include "srd/counters.h"
#include "srd/datagram_tag.h"
#include "srd/keyed_hash.h"
#include "srd/settings.h"
#include "wire/srd_header.h"

namespace enid::srd {

// What one side of an established connection must know.
struct Session {
  std::uint64_t peer_incarnation = 0;
  std::uint32_t peer_context = 0;
  std::uint16_t local_epoch = 0;  // What arriving datagrams bear,
  std::uint16_t peer_epoch = 0;   // and departing ones.
  HashKey key{};
  TagKey tag_key{};  // Made of `key`.
  std::uint32_t first_psn_sent = 0;
  std::uint32_t first_psn_received = 0;
};

class Handshake {
 public:
  enum class Phase : std::uint8_t { kClosed, kInitSent, kConfirmSent, kEstablished };

  Handshake(const Settings& settings, Random& random);

  Phase phase() const { return phase_; }
  std::uint32_t local_context() const { return local_context_; }
  const Session& session() const { return session_; }

  // The datagrams of this side. write_init() also begins, when closed.
  void write_init(Instant now, wire::SrdDatagram& out);
  void write_confirm(wire::SrdDatagram& out) const;
  void write_reset(Instant now, const wire::SrdHeader& rejected, wire::SrdDatagram& out) const;
  void write_close(Instant now, wire::SrdDatagram& out) const;

  bool has_good_tag(const wire::SrdDatagram& datagram) const;

  // Each judges an arrived datagram whose tag is good: kNone, or why it is dropped.
  // Answers by `out`, without remembering anything.
  DropReason answer_init(Instant now, const wire::SrdSetup& init, wire::SrdDatagram& out) const;
  // Now write_confirm() has something to write.
  DropReason take_init_ack(const wire::SrdHeader& header, const wire::SrdSetup& init_ack);
  // Established with a new session. kReplayed for the present session's confirmation once more.
  DropReason take_confirm(Instant now, const wire::SrdHeader& header, const wire::SrdSetup& confirm);
  // Whether it speaks of the present session.
  DropReason judge_reset(const wire::SrdSetup& reset) const;
  DropReason judge_close(const wire::SrdHeader& header, const wire::SrdSetup& close) const;

  // The first acknowledgement or datum after CONFIRM: established.
  void confirmed() { phase_ = Phase::kEstablished; }
  void close() { phase_ = Phase::kClosed; }

 private:
  std::uint64_t cookie(const wire::SrdSetup& peer, std::uint64_t made_at) const;
  void begin_session(std::uint64_t peer_incarnation, std::uint32_t peer_context, std::uint16_t peer_epoch,
                     bool initiator);
  void finish(wire::SrdDatagram& out) const;

  HashKey pair_key_;
  HashKey cookie_key_;
  std::uint64_t incarnation_;
  std::uint32_t local_context_;
  Phase phase_ = Phase::kClosed;
  std::uint16_t next_epoch_;  // Offered in INIT and INIT-ACK, taken once.
  std::uint64_t cookie_ = 0;  // The peer's, between INIT-ACK and establishment.
  std::uint64_t cookie_made_at_ = 0;
  Session session_;
};

}  // namespace enid::srd
