#include "srd/handshake.h"

#include <array>

#include "srd/datagram_tag.h"

namespace enid::srd {
namespace {

constexpr std::uint64_t kCookieMilliseconds = 10'000;
// PSNs begin shortly before they wrap, so that wrapping is what always happens.
constexpr std::uint32_t kPsnsBeforeWrap = 1024;

std::uint64_t milliseconds(Instant now) { return static_cast<std::uint64_t>(now.nanoseconds) / 1'000'000; }

}  // namespace

Handshake::Handshake(const Settings& settings, Random& random)
    : pair_key_(settings.pair_key),
      cookie_key_{random.next(), random.next()},
      incarnation_(settings.incarnation),
      local_context_(static_cast<std::uint32_t>(1 + random.below(0xffff'ffff))),
      next_epoch_(static_cast<std::uint16_t>(random.next())) {
  if (settings.context != 0) local_context_ = settings.context;
  // The generator may be seeded weakly in tests; the pair's key is never known to others.
  cookie_key_[0] ^= keyed_hash(pair_key_, std::array{incarnation_, std::uint64_t{1}});
  cookie_key_[1] ^= keyed_hash(pair_key_, std::array{incarnation_, std::uint64_t{2}});
}

void Handshake::finish(wire::SrdDatagram& out) const {
  out.header.flags |= wire::SrdFlags::kTagged;
  out.header.tag = setup_tag(pair_key_, out);
}

bool Handshake::has_good_tag(const wire::SrdDatagram& datagram) const {
  return (datagram.header.flags & wire::SrdFlags::kTagged) != 0 &&
         datagram.header.tag == setup_tag(pair_key_, datagram);
}

void Handshake::write_init(Instant now, wire::SrdDatagram& out) {
  phase_ = Phase::kInitSent;
  out.header = {.type = wire::SrdType::kInit, .sent_at = 0};
  out.body = wire::SrdSetup{.incarnation = incarnation_,
                            .context = local_context_,
                            .epoch = next_epoch_,
                            .made_at = milliseconds(now)};
  finish(out);
}

std::uint64_t Handshake::cookie(const wire::SrdSetup& peer, std::uint64_t made_at) const {
  return keyed_hash(cookie_key_,
                    std::array{peer.incarnation, static_cast<std::uint64_t>(peer.context) << 16 | peer.epoch,
                               static_cast<std::uint64_t>(next_epoch_), made_at});
}

DropReason Handshake::answer_init(Instant now, const wire::SrdSetup& init, wire::SrdDatagram& out) const {
  if (init.incarnation == 0 || init.context == 0) return DropReason::kImpossible;
  const bool beginning = phase_ == Phase::kInitSent || phase_ == Phase::kConfirmSent;
  if (beginning && incarnation_ > init.incarnation) return DropReason::kLostRace;
  const std::uint64_t made_at = milliseconds(now);
  out.header = {.type = wire::SrdType::kInitAck, .epoch = init.epoch, .context = init.context};
  out.body = wire::SrdSetup{.incarnation = incarnation_,
                            .peer_incarnation = init.incarnation,
                            .context = local_context_,
                            .epoch = next_epoch_,
                            .cookie = cookie(init, made_at),
                            .made_at = made_at};
  finish(out);
  return DropReason::kNone;
}

DropReason Handshake::take_init_ack(const wire::SrdHeader& header, const wire::SrdSetup& init_ack) {
  if (header.context != local_context_ || header.epoch != next_epoch_) return DropReason::kUnknownContext;
  if (phase_ != Phase::kInitSent) return DropReason::kReplayed;
  if (init_ack.peer_incarnation != incarnation_) return DropReason::kUnknownContext;
  cookie_ = init_ack.cookie;
  cookie_made_at_ = init_ack.made_at;
  begin_session(init_ack.incarnation, init_ack.context, init_ack.epoch, true);
  phase_ = Phase::kConfirmSent;
  return DropReason::kNone;
}

void Handshake::write_confirm(wire::SrdDatagram& out) const {
  out.header = {
      .type = wire::SrdType::kConfirm, .epoch = session_.peer_epoch, .context = session_.peer_context};
  out.body = wire::SrdSetup{.incarnation = incarnation_,
                            .peer_incarnation = session_.peer_incarnation,
                            .context = local_context_,
                            .epoch = session_.local_epoch,
                            .cookie = cookie_,
                            .made_at = cookie_made_at_};
  finish(out);
}

DropReason Handshake::take_confirm(Instant now, const wire::SrdHeader& header,
                                   const wire::SrdSetup& confirm) {
  if (header.context != local_context_ || confirm.peer_incarnation != incarnation_)
    return DropReason::kUnknownContext;
  if (header.epoch == session_.local_epoch && phase_ == Phase::kEstablished) return DropReason::kReplayed;
  if (header.epoch != next_epoch_ || confirm.cookie != cookie(confirm, confirm.made_at))
    return DropReason::kStaleCookie;
  const std::uint64_t age = milliseconds(now) - confirm.made_at;
  if (age > kCookieMilliseconds) return DropReason::kStaleCookie;
  begin_session(confirm.incarnation, confirm.context, confirm.epoch, false);
  phase_ = Phase::kEstablished;
  return DropReason::kNone;
}

void Handshake::begin_session(std::uint64_t peer_incarnation, std::uint32_t peer_context,
                              std::uint16_t peer_epoch, bool initiator) {
  const std::uint16_t local_epoch = next_epoch_++;
  session_ = {.peer_incarnation = peer_incarnation,
              .peer_context = peer_context,
              .local_epoch = local_epoch,
              .peer_epoch = peer_epoch};
  const std::uint64_t local_name = static_cast<std::uint64_t>(local_context_) << 16 | local_epoch;
  const std::uint64_t peer_name = static_cast<std::uint64_t>(peer_context) << 16 | peer_epoch;
  std::array<std::uint64_t, 5> words = {incarnation_, local_name, peer_incarnation, peer_name, 0};
  if (!initiator) words = {peer_incarnation, peer_name, incarnation_, local_name, 0};
  const auto derive = [&](std::uint64_t purpose) {
    words[4] = purpose;
    return keyed_hash(pair_key_, words);
  };
  session_.key = {derive(1), derive(2)};
  session_.tag_key = TagKey(session_.key);
  const auto first_psn = [&](std::uint64_t purpose) {
    return static_cast<std::uint32_t>(0U - 1 - derive(purpose) % kPsnsBeforeWrap);
  };
  session_.first_psn_sent = first_psn(initiator ? 3 : 4);
  session_.first_psn_received = first_psn(initiator ? 4 : 3);
}

void Handshake::write_reset(Instant now, const wire::SrdHeader& rejected, wire::SrdDatagram& out) const {
  out.header = {.type = wire::SrdType::kReset};
  out.body = wire::SrdSetup{.incarnation = incarnation_,
                            .context = rejected.context,
                            .epoch = rejected.epoch,
                            .made_at = milliseconds(now)};
  finish(out);
}

DropReason Handshake::judge_reset(const wire::SrdSetup& reset) const {
  const bool present = (phase_ == Phase::kEstablished || phase_ == Phase::kConfirmSent) &&
                       reset.context == session_.peer_context && reset.epoch == session_.peer_epoch;
  return present ? DropReason::kNone : DropReason::kStaleReset;
}

void Handshake::write_close(Instant now, wire::SrdDatagram& out) const {
  out.header = {
      .type = wire::SrdType::kClose, .epoch = session_.peer_epoch, .context = session_.peer_context};
  out.body = wire::SrdSetup{.incarnation = incarnation_,
                            .peer_incarnation = session_.peer_incarnation,
                            .context = local_context_,
                            .epoch = session_.local_epoch,
                            .made_at = milliseconds(now)};
  finish(out);
}

DropReason Handshake::judge_close(const wire::SrdHeader& header, const wire::SrdSetup& close) const {
  const bool present = phase_ == Phase::kEstablished && header.context == local_context_ &&
                       header.epoch == session_.local_epoch && close.incarnation == session_.peer_incarnation;
  return present ? DropReason::kNone : DropReason::kUnknownContext;
}

}  // namespace enid::srd
