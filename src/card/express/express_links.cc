#include "card/express/express_links.h"

#include <algorithm>
#include <set>

#include "card/tables/tables.h"
#include "card/tunnel/finish_checksum.h"
#include "wire/ethernet.h"
#include "wire/frame_layout.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/segmenter.h"

namespace enid::card {
namespace {

// Measurements move slowly, and reading them costs more than a packet may.
constexpr Duration kMeasureInterval = Duration::from_milliseconds(5);

constexpr contract::PairKey kNoKey{};

bool is_tcp(ConstBytes frame) {
  constexpr std::size_t kProtocolAt = wire::EthernetHeader::kBytes + wire::Ipv4Header::kTimeToLiveAt + 1;
  return load_be16(frame.data() + 12) == wire::ether_type::kIpv4 && frame.size() > kProtocolAt &&
         frame[kProtocolAt] == wire::ip_protocol::kTcp;
}

ExpressFallback fallback_of(srd::CarrierSend answer) {
  switch (answer) {
    case srd::CarrierSend::kTaken:
      return ExpressFallback::kNone;
    case srd::CarrierSend::kNotEstablished:
      return ExpressFallback::kSettingUp;
    case srd::CarrierSend::kFull:
      return ExpressFallback::kFull;
    case srd::CarrierSend::kTooLong:
      return ExpressFallback::kTooLong;
    case srd::CarrierSend::kNoMemory:
      return ExpressFallback::kNoMemory;
  }
  return ExpressFallback::kNoCarrier;
}

}  // namespace

ExpressLinks::ExpressLinks(const ExpressOptions& options, fabric::Underlay& underlay, Tables& tables)
    : options_(options),
      tables_(tables),
      memory_{.bytes_max = options.reorder_bytes_max, .bytes = 0},
      carrier_(*options.carrier, underlay) {}

void ExpressLinks::sync_hosts(Instant now) {
  std::set<std::uint32_t> wanted;
  tables_.for_each_host([&](RemoteHost& host) {
    host.express = nullptr;
    const std::uint32_t address = host.program.underlay_address.value;
    if (host.program.pair_key == kNoKey) return;
    const srd::PeerHandle peer = carrier_.set_peer(now, {address}, host.program.pair_key);
    if (peer == srd::kNoPeer) return;
    wanted.insert(address);
    std::unique_ptr<ExpressLink>& link = links_[address];
    if (link == nullptr || link->peer != peer) {
      if (link != nullptr) links_by_place_[link->peer & 0xffff] = nullptr;
      link =
          std::make_unique<ExpressLink>(memory_, ReorderLimits{.bytes_max = options_.reorder_bytes_of_peer});
      link->address = {address};
      link->peer = peer;
      const std::size_t place = peer & 0xffff;
      if (links_by_place_.size() <= place) links_by_place_.resize(place + 1);
      links_by_place_[place] = link.get();
    }
    host.express = link.get();
  });
  std::erase_if(links_, [&](const auto& each) {
    if (wanted.contains(each.first)) return false;
    carrier_.remove_peer(now, {each.first});
    links_by_place_[each.second->peer & 0xffff] = nullptr;
    return true;
  });
}

void ExpressLinks::set_underlay_mtu(Ipv4Address host, std::uint32_t bytes) {
  carrier_.set_peer_mtu(carrier_.peer_at(host), bytes);
}

ExpressLink* ExpressLinks::link_of(srd::PeerHandle peer) {
  const std::size_t place = peer & 0xffff;
  ExpressLink* const link = place < links_by_place_.size() ? links_by_place_[place] : nullptr;
  return link != nullptr && link->peer == peer ? link : nullptr;
}

void ExpressLinks::measure(Instant now, ExpressLink& link) {
  if (now - link.measured_at < kMeasureInterval) return;
  link.measured_at = now;
  const auto found = carrier_.measurements(link.peer);
  if (!found || found->smoothed_rtt <= Duration{}) return;
  link.round_trip = found->smoothed_rtt + found->median_queue_delay;
  link.hold_tcp = std::clamp(link.round_trip * 8, ExpressLink::kHoldTcpMin, ExpressLink::kHoldTcpMax);
  const Duration spread = found->smoothed_rtt - found->least_rtt + found->median_queue_delay;
  link.hold_other = std::clamp(spread * 2, ExpressLink::kHoldOtherMin, ExpressLink::kHoldOtherMax);
}

bool ExpressLinks::srd_is_empty(const ExpressLink& link) const {
  const srd::PeerCounters counters = carrier_.peer_counters(link.peer);
  return counters.messages_taken == counters.messages_delivered + counters.messages_refused +
                                        counters.messages_unknown + counters.messages_never_sent;
}

ExpressFallback ExpressLinks::would_fall_back(const ExpressLink* link, std::uint16_t mtu_bytes) const {
  if (link == nullptr) return ExpressFallback::kNoCarrier;
  if (mtu_bytes > kExpressMtu) return ExpressFallback::kTooLong;
  if (!carrier_.is_established(link->peer)) return ExpressFallback::kSettingUp;
  return ExpressFallback::kNone;
}

ExpressLinks::Sent ExpressLinks::send(Instant now, ExpressLink* link, const Sending& what) {
  Sent sent;
  const std::uint16_t tag = FlowOrder::tag_of(what.flow_hash);
  const auto fall_back = [&](ExpressFallback why, bool must_drop = false) {
    ++counters_.fallbacks[static_cast<std::size_t>(why)];
    sent.fallback = why;
    sent.must_drop = must_drop;
    if (link != nullptr && !must_drop) link->order.note_sent(CarrierKind::kGeneve, tag, now);
    return sent;
  };
  if (const ExpressFallback why = would_fall_back(link, what.mtu_bytes); why != ExpressFallback::kNone) {
    if (why == ExpressFallback::kSettingUp) carrier_.connect(now, link->peer);
    return fall_back(why);
  }
  measure(now, *link);
  const bool ordered = what.is_tcp || options_.udp_ordered;
  if (ordered && !link->order.may_use(CarrierKind::kSrd, tag, now, link->round_trip, false))
    return fall_back(ExpressFallback::kFlowOnPlain);
  const ExpressFallback why = send_packets(now, *link, what, tag, sent.taken);
  if (sent.taken != 0) link->order.note_sent(CarrierKind::kSrd, tag, now);
  if (why == ExpressFallback::kNone) return sent;
  // Too long for the way there is nothing that waiting would change.
  const bool must_drop = sent.taken != 0 || (ordered && why != ExpressFallback::kTooLong &&
                                             !link->order.may_use(CarrierKind::kGeneve, tag, now,
                                                                  link->round_trip, srd_is_empty(*link)));
  return fall_back(why, must_drop);
}

// kNone: all of them.
ExpressFallback ExpressLinks::send_packets(Instant now, ExpressLink& link, const Sending& what,
                                           std::uint16_t tag, std::uint16_t& taken) {
  srd::MessageFacts facts{.vni = what.vni, .flow_tag = tag, .ordered = what.is_tcp || options_.udp_ordered};
  const auto send = [&](ConstBytes header, ConstBytes payload) {
    facts.flow_sequence = facts.ordered ? link.order.next_sequence(tag) : 0;
    const srd::CarrierSend answer = carrier_.send(now, link.peer, facts, header, payload);
    if (answer != srd::CarrierSend::kTaken) return fallback_of(answer);
    if (facts.ordered) link.order.advance(tag);
    ++taken;
    return ExpressFallback::kNone;
  };
  Frame& frame = what.frame;
  if (frame.offload.segmentation == Segmentation::kNone) {
    if (frame.offload.checksum_needed) finish_checksum(frame);
    frame.offload.checksum_needed = false;
    return send({}, frame.bytes);
  }
  const wire::FrameLayout layout = wire::read_layout(frame.bytes);
  auto segments = wire::Segmenter::create(frame.bytes, layout, frame.offload.segment_bytes);
  if (!segments) return ExpressFallback::kNone;  // The parse stage lets no such frame pass.
  while (segments->next())
    if (const auto why = send(segments->headers(), segments->payload()); why != ExpressFallback::kNone)
      return why;
  return ExpressFallback::kNone;
}

void ExpressLinks::on_datagram(Instant now, const fabric::ArrivedDatagram& datagram) {
  carrier_.on_datagram(now, datagram, *this);
}

std::uint8_t ExpressLinks::on_message(Instant now, srd::PeerHandle peer, const srd::MessageFacts& facts,
                                      Bytes payload) {
  ExpressLink* const link = link_of(peer);
  if (link == nullptr || payload.size() < wire::EthernetHeader::kBytes || facts.flow_tag >= kFlowTags) {
    ++counters_.malformed;
    return static_cast<std::uint8_t>(ExpressRefusal::kMalformed);
  }
  if (tables_.entrance_of(facts.vni) == nullptr) {
    ++counters_.unknown_vpc;
    return static_cast<std::uint8_t>(ExpressRefusal::kUnknownVpc);
  }
  if (!facts.ordered) {
    arrivals_.push_back({link->address, facts.vni, payload});
    return static_cast<std::uint8_t>(ExpressRefusal::kTaken);
  }
  measure(now, *link);
  const ReorderBuffer::Arrival arrival{.tag = facts.flow_tag,
                                       .sequence = facts.flow_sequence,
                                       .vni = facts.vni,
                                       .frame = payload,
                                       .hold = hold_of(*link, facts.flow_tag, payload)};
  const ReorderBuffer::Verdict verdict = link->reorder.add(now, arrival, passed_);
  if (verdict == ReorderBuffer::Verdict::kPasses) arrivals_.push_back({link->address, facts.vni, payload});
  take_passed(*link);
  if (verdict == ReorderBuffer::Verdict::kFollows) arrivals_.push_back({link->address, facts.vni, payload});
  return static_cast<std::uint8_t>(ExpressRefusal::kTaken);
}

Duration ExpressLinks::hold_of(const ExpressLink& link, std::uint16_t tag, ConstBytes frame) {
  if (!is_tcp(frame)) return link.hold_other;
  return link.reorder.has_begun(tag) ? link.hold_tcp : ExpressLink::kHoldTcpAtFirst;
}

void ExpressLinks::take_passed(ExpressLink& link) {
  for (const ReorderBuffer::Passed& passed : passed_)
    arrivals_.push_back({link.address, passed.vni, passed.frame});
  if (!passed_.empty()) passed_links_.push_back(&link);
  passed_.clear();
  reorder_timeout_ = std::min(reorder_timeout_, link.reorder.next_timeout());
}

Instant ExpressLinks::next_timeout() const { return std::min(carrier_.next_timeout(), reorder_timeout_); }

void ExpressLinks::on_timeout(Instant now) {
  if (reorder_timeout_ <= now) {
    reorder_timeout_ = Instant::never();
    for (const auto& [address, link] : links_) {
      link->reorder.on_timeout(now, passed_);
      take_passed(*link);
    }
  }
  if (carrier_.next_timeout() > now) return;
  carrier_.on_timeout(now);
  carrier_.transmit(now);
  // What was not delivered is lost, as frames are on any network.
  while (carrier_.poll_ended()) {
  }
}

void ExpressLinks::close(Instant now) {
  carrier_.close(now);
  carrier_.transmit(now);
}

void ExpressLinks::recycle() {
  for (ExpressLink* const link : passed_links_) link->reorder.recycle();
  passed_links_.clear();
}

std::uint32_t ExpressLinks::utilization_percent() const {
  const std::size_t reorder = memory_.bytes * 100 / std::max<std::size_t>(memory_.bytes_max, 1);
  return std::max(carrier_.utilization_percent(), static_cast<std::uint32_t>(reorder));
}

ExpressLinkCounters ExpressLinks::counters() const {
  ExpressLinkCounters counters = counters_;
  for (const auto& [address, link] : links_) {
    const ReorderCounters& each = link->reorder.counters();
    counters.reorder.held += each.held;
    counters.reorder.given_up += each.given_up;
    counters.reorder.no_room += each.no_room;
    counters.reorder.late += each.late;
  }
  return counters;
}

}  // namespace enid::card
