#include "srd/handshake.h"

#include <gtest/gtest.h>

namespace enid::srd {
namespace {

struct Side {
  explicit Side(std::uint64_t incarnation) : random(incarnation), handshake(settings(incarnation), random) {}

  static Settings settings(std::uint64_t incarnation) {
    Settings s;
    s.incarnation = incarnation;
    s.pair_key = {71, 72};
    return s;
  }
  static const wire::SrdSetup& setup(const wire::SrdDatagram& d) { return std::get<wire::SrdSetup>(d.body); }

  Random random;
  Handshake handshake;
};

const Instant kNow = Instant{} + Duration::from_seconds(100);

struct Opened {
  Side a{5}, b{9};
  wire::SrdDatagram init, init_ack, confirm;

  Opened() {
    a.handshake.write_init(kNow, init);
    EXPECT_EQ(b.handshake.answer_init(kNow, Side::setup(init), init_ack), DropReason::kNone);
    EXPECT_EQ(b.handshake.phase(), Handshake::Phase::kClosed) << "remembers nothing yet";
    EXPECT_EQ(a.handshake.take_init_ack(init_ack.header, Side::setup(init_ack)), DropReason::kNone);
    a.handshake.write_confirm(confirm);
  }
};

TEST(Handshake, agrees_on_contexts_epochs_key_and_first_numbers) {
  Opened o;
  ASSERT_EQ(o.b.handshake.take_confirm(kNow, o.confirm.header, Side::setup(o.confirm)), DropReason::kNone);
  const Session& a = o.a.handshake.session();
  const Session& b = o.b.handshake.session();
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.peer_context, o.b.handshake.local_context());
  EXPECT_EQ(b.peer_context, o.a.handshake.local_context());
  EXPECT_EQ(a.local_epoch, b.peer_epoch);
  EXPECT_EQ(a.peer_epoch, b.local_epoch);
  EXPECT_EQ(a.first_psn_sent, b.first_psn_received);
  EXPECT_EQ(a.first_psn_received, b.first_psn_sent);
}

TEST(Handshake, takes_a_confirmation_once) {
  Opened o;
  ASSERT_EQ(o.b.handshake.take_confirm(kNow, o.confirm.header, Side::setup(o.confirm)), DropReason::kNone);
  EXPECT_EQ(o.b.handshake.take_confirm(kNow, o.confirm.header, Side::setup(o.confirm)),
            DropReason::kReplayed);
  o.b.handshake.close();
  EXPECT_EQ(o.b.handshake.take_confirm(kNow, o.confirm.header, Side::setup(o.confirm)),
            DropReason::kStaleCookie);
}

TEST(Handshake, refuses_an_old_a_foreign_and_a_changed_cookie) {
  Opened o;
  const Instant later = kNow + Duration::from_seconds(11);
  EXPECT_EQ(o.b.handshake.take_confirm(later, o.confirm.header, Side::setup(o.confirm)),
            DropReason::kStaleCookie);
  wire::SrdSetup changed = Side::setup(o.confirm);
  changed.context ^= 1;
  EXPECT_EQ(o.b.handshake.take_confirm(kNow, o.confirm.header, changed), DropReason::kStaleCookie);
  Side rebooted(11);
  EXPECT_NE(rebooted.handshake.take_confirm(kNow, o.confirm.header, Side::setup(o.confirm)),
            DropReason::kNone);
}

TEST(Handshake, knows_its_own_pair_s_tags_only) {
  Opened o;
  EXPECT_TRUE(o.b.handshake.has_good_tag(o.init));
  wire::SrdDatagram changed = o.init;
  std::get<wire::SrdSetup>(changed.body).incarnation ^= 1;
  EXPECT_FALSE(o.b.handshake.has_good_tag(changed));
  changed = o.init;
  changed.header.flags = 0;
  EXPECT_FALSE(o.b.handshake.has_good_tag(changed)) << "a tag cannot be left out";
}

TEST(Handshake, of_two_that_cross_the_greater_incarnation_s_goes_on) {
  Side a(5), b(9);
  wire::SrdDatagram from_a, from_b, answer;
  a.handshake.write_init(kNow, from_a);
  b.handshake.write_init(kNow, from_b);
  EXPECT_EQ(b.handshake.answer_init(kNow, Side::setup(from_a), answer), DropReason::kLostRace);
  EXPECT_EQ(a.handshake.answer_init(kNow, Side::setup(from_b), answer), DropReason::kNone);
}

TEST(Handshake, believes_a_reset_of_the_present_epoch_only) {
  Opened o;
  ASSERT_EQ(o.b.handshake.take_confirm(kNow, o.confirm.header, Side::setup(o.confirm)), DropReason::kNone);
  wire::SrdHeader stale;
  stale.context = o.b.handshake.session().peer_context;
  stale.epoch = o.b.handshake.session().peer_epoch;
  wire::SrdDatagram reset;
  o.a.handshake.write_reset(kNow, stale, reset);
  EXPECT_EQ(o.b.handshake.judge_reset(Side::setup(reset)), DropReason::kNone);
  --stale.epoch;
  o.a.handshake.write_reset(kNow, stale, reset);
  EXPECT_EQ(o.b.handshake.judge_reset(Side::setup(reset)), DropReason::kStaleReset);
}

}  // namespace
}  // namespace enid::srd
