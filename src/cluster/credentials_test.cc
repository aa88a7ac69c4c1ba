#include "cluster/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/pair_keys.h"

namespace enid::cluster {
namespace {

using ::testing::HasSubstr;

constexpr WallTime kNow{1'795'253'400'000};  // 2026-11-21
const HostId kHost = HostId::trusted("host-2");

TEST(Credentials, AHostsTextIsItsCertificateItsKeyAndItsAuthority) {
  const CertifiedKey authority = *make_authority(kNow);
  const HostCredentials made{.own = *certify(authority, "host-2", kNow), .authority = authority.certificate};
  const std::string text = to_text(made, kHost);
  const auto read = parse_credentials(text, kHost, kNow);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->own.certificate, made.own.certificate);
  EXPECT_EQ(read->own.key, made.own.key);
  EXPECT_EQ(text.find(authority.key), text.npos);
  EXPECT_EQ(*fingerprint(read->own.certificate), *fingerprint(made.own.certificate));
}

TEST(Credentials, WhatIsWrongWithAFileIsSaid) {
  const CertifiedKey authority = *make_authority(kNow), stranger = *make_authority(kNow);
  const CertifiedKey own = *certify(authority, "host-2", kNow), other = *certify(authority, "host-2", kNow);
  const auto refusal = [&](const HostCredentials& credentials, const char* host = "host-2",
                           WallTime now = kNow) {
    const auto read = parse_credentials(to_text(credentials, kHost), HostId::trusted(host), now);
    return read ? std::string("taken") : read.error().message;
  };
  EXPECT_EQ(refusal({.own = own, .authority = authority.certificate}), "taken");
  EXPECT_THAT(refusal({.own = own, .authority = authority.certificate}, "host-3"),
              HasSubstr("those of host-2, not"));
  EXPECT_THAT(refusal({.own = own, .authority = stranger.certificate}), HasSubstr("not valid"));
  EXPECT_THAT(refusal({.own = {own.certificate, other.key}, .authority = authority.certificate}),
              HasSubstr("key is not that"));
  EXPECT_THAT(refusal({.own = own, .authority = authority.certificate}, "host-2",
                      {kNow.milliseconds_since_epoch + 11LL * 365 * 24 * 3600 * 1000}),
              HasSubstr("expired"));
  EXPECT_FALSE(parse_credentials("", kHost, kNow));
  EXPECT_FALSE(parse_credentials("-----BEGIN CERTIFICATE-----", kHost, kNow));
}

TEST(PairKeys, AreTheSameFromBothSidesAndOthersForOthers) {
  const PairSecret secret{1, 2, 3};
  const HostId third = HostId::trusted("host-3"), fourth = HostId::trusted("host-4");
  EXPECT_EQ(pair_key(secret, kHost, third), pair_key(secret, third, kHost));
  EXPECT_NE(pair_key(secret, kHost, third), pair_key(secret, kHost, fourth));
  EXPECT_NE(pair_key(secret, kHost, third), pair_key({}, kHost, third));
}

}  // namespace
}  // namespace enid::cluster
