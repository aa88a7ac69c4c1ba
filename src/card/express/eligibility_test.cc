// Who may use ENA Express: every condition one by one, and what is said about it.
#include "card/express/eligibility.h"

#include <gtest/gtest.h>

#include <functional>

#include "wire/ip_protocol.h"

namespace enid::card {
namespace {

using contract::InterfaceProgram;
using enum ExpressEligibility;
namespace ip_protocol = wire::ip_protocol;

InterfaceProgram able(const char* id) {
  InterfaceProgram program;
  program.id = NetworkInterfaceId::trusted(id);
  program.ena_express = {.enabled = true, .udp_enabled = true, .supported_by_type = true};
  program.availability_zone = "eu-west-1a";
  return program;
}

struct Case {
  ExpressEligibility expected;
  const char* says;
  std::function<void(InterfaceProgram& from, InterfaceProgram& to)> change;
  std::uint8_t protocol = ip_protocol::kTcp;
  bool same_host = false;
  bool across_zones = false;
};

TEST(Eligibility, each_condition_alone_makes_the_difference) {
  const auto nothing = [](InterfaceProgram&, InterfaceProgram&) {};
  const Case cases[] = {
      {kEligible, "ENA Express", nothing},
      {kEligible, "ENA Express", nothing, ip_protocol::kUdp},
      {kSameHost, "same host", nothing, ip_protocol::kTcp, true},
      {kSenderOff, "sender's interface eni-a has ENA Express off",
       [](InterfaceProgram& from, InterfaceProgram&) { from.ena_express.enabled = false; }},
      {kReceiverOff, "plain ENA: the receiver's interface eni-b has ENA Express off",
       [](InterfaceProgram&, InterfaceProgram& to) { to.ena_express.enabled = false; }},
      {kSenderTypeUnable, "eni-a belongs to an instance whose type does not support",
       [](InterfaceProgram& from, InterfaceProgram&) { from.ena_express.supported_by_type = false; }},
      {kReceiverTypeUnable, "eni-b belongs to an instance whose type does not support",
       [](InterfaceProgram&, InterfaceProgram& to) { to.ena_express.supported_by_type = false; }},
      {kOtherZone, "another Availability Zone (eu-west-1b, the sender in eu-west-1a)",
       [](InterfaceProgram&, InterfaceProgram& to) { to.availability_zone = "eu-west-1b"; }},
      {kEligible, "ENA Express",
       [](InterfaceProgram&, InterfaceProgram& to) { to.availability_zone = "eu-west-1b"; },
       ip_protocol::kTcp, false, true},
      {kOtherProtocol, "nothing else", nothing, ip_protocol::kIcmp},
      {kSenderUdpOff, "eni-a has ENA Express off for UDP",
       [](InterfaceProgram& from, InterfaceProgram&) { from.ena_express.udp_enabled = false; },
       ip_protocol::kUdp},
      {kReceiverUdpOff, "eni-b has ENA Express off for UDP",
       [](InterfaceProgram&, InterfaceProgram& to) { to.ena_express.udp_enabled = false; },
       ip_protocol::kUdp},
      {kEligible, "ENA Express",
       [](InterfaceProgram& from, InterfaceProgram& to) {
         from.ena_express.udp_enabled = to.ena_express.udp_enabled = false;
       }},
  };
  for (const Case& each : cases) {
    InterfaceProgram from = able("eni-a"), to = able("eni-b");
    each.change(from, to);
    const ExpressFlow flow{from, to, each.protocol, each.same_host, each.across_zones};
    const ExpressEligibility got = eligibility_of(flow);
    EXPECT_EQ(got, each.expected) << sentence_of(got, flow);
    EXPECT_NE(sentence_of(got, flow).find(each.says), std::string::npos) << sentence_of(got, flow);
  }
}

TEST(Eligibility, the_mode_is_the_one_that_ethtool_shows) {
  EXPECT_EQ(express_mode({}), 0);
  EXPECT_EQ(express_mode({.enabled = true}), 1);
  EXPECT_EQ(express_mode({.udp_enabled = true}), 2) << "the UDP bit is kept while ENA Express is off";
  EXPECT_EQ(express_mode({.enabled = true, .udp_enabled = true}), 3);
}

TEST(Eligibility, every_fallback_says_that_it_is_for_now) {
  for (std::size_t i = 1; i < kExpressFallbackCount; ++i) {
    const auto fallback = static_cast<ExpressFallback>(i);
    EXPECT_TRUE(sentence_of(fallback).starts_with("plain ENA for now: ")) << name_of(fallback);
  }
}

}  // namespace
}  // namespace enid::card
