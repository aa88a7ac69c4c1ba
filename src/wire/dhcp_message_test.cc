#include "wire/dhcp_message.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace enid::wire {
namespace {

std::vector<std::uint8_t> discover() {
  std::vector<std::uint8_t> bytes(240);
  bytes[0] = bytes[1] = 1;
  bytes[2] = 6;
  store_be32(&bytes[4], 0x01020304);
  bytes[10] = 0x80;
  bytes[28] = 2;
  bytes[33] = 5;
  store_be32(&bytes[236], 0x63825363);
  bytes.insert(bytes.end(), {53, 1, 1, 0, 50, 4, 10, 0, 1, 5, 255});
  return bytes;
}

TEST(DhcpRequest, is_read_with_its_options) {
  const auto request = DhcpRequest::parse(discover());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->type, DhcpMessageType::kDiscover);
  EXPECT_EQ(request->transaction_id, 0x01020304u);
  EXPECT_TRUE(request->broadcast);
  EXPECT_EQ(request->client_mac.text(), "02:00:00:00:00:05");
  EXPECT_EQ(request->requested_address->text(), "10.0.1.5");
  EXPECT_FALSE(request->server_identifier);
}

TEST(DhcpRequest, finds_options_in_the_fields_of_old) {
  auto bytes = discover();
  bytes.resize(bytes.size() - 1);
  bytes.insert(bytes.end(), {52, 1, 3, 255});
  const std::array<std::uint8_t, 7> server{54, 4, 10, 0, 1, 1, 255};
  std::copy(server.begin(), server.end(), bytes.begin() + 108);
  bytes[44] = 255;
  const auto request = DhcpRequest::parse(bytes);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->server_identifier->text(), "10.0.1.1");
}

TEST(DhcpRequest, is_nothing_when_it_is_not_well_formed) {
  const auto changed = [](std::size_t at, std::uint8_t value) {
    auto bytes = discover();
    bytes[at] = value;
    return bytes;
  };
  EXPECT_FALSE(DhcpRequest::parse(changed(0, 2)));      // A reply.
  EXPECT_FALSE(DhcpRequest::parse(changed(1, 6)));      // Not Ethernet.
  EXPECT_FALSE(DhcpRequest::parse(changed(2, 16)));     // Nor its addresses.
  EXPECT_FALSE(DhcpRequest::parse(changed(236, 0)));    // No cookie.
  EXPECT_FALSE(DhcpRequest::parse(changed(242, 0)));    // No such type.
  EXPECT_FALSE(DhcpRequest::parse(changed(242, 9)));    // Nor this.
  EXPECT_FALSE(DhcpRequest::parse(changed(245, 5)));    // An address of five bytes.
  EXPECT_FALSE(DhcpRequest::parse(changed(245, 40)));   // An option over the end.
  EXPECT_FALSE(DhcpRequest::parse(changed(240, 254)));  // No type at all.
}

TEST(DhcpReplyWriter, repeats_what_the_client_knows_it_by) {
  const auto request = DhcpRequest::parse(discover());
  ASSERT_TRUE(request);
  DhcpReplyWriter writer(*request, DhcpMessageType::kOffer);
  writer.set_your_address(Ipv4Address{0x0a000105});
  writer.add_text(DhcpOption::kDomainName, "ec2.internal");
  writer.add_text(DhcpOption::kHostName, "");
  writer.add_u16(DhcpOption::kInterfaceMtu, 9001);
  const auto reply = std::move(writer).finish();
  EXPECT_EQ(reply.size(), 300u);
  EXPECT_EQ(reply[0], 2);
  EXPECT_EQ(load_be32(&reply[4]), 0x01020304u);
  EXPECT_EQ(load_be16(&reply[10]), 0x8000);
  EXPECT_EQ(load_be32(&reply[16]), 0x0a000105u);
  EXPECT_EQ(reply[33], 5);
  const std::vector<std::uint8_t> options{53,  1,   2,   15,  12,  'e', 'c', '2', '.',  'i',  'n',
                                          't', 'e', 'r', 'n', 'a', 'l', 26,  2,   0x23, 0x29, 255};
  EXPECT_TRUE(std::equal(options.begin(), options.end(), reply.begin() + 240));
}

TEST(DhcpRequest, survives_whatever_bytes_come) {
  Random random(2131);
  for (int i = 0; i < 50'000; ++i) {
    auto bytes = discover();
    bytes.resize(240 + random.below(40));
    for (std::size_t at = 240 + random.below(10); at < bytes.size(); ++at)
      bytes[at] = static_cast<std::uint8_t>(random.below(64));
    (void)DhcpRequest::parse(bytes);
  }
}

}  // namespace
}  // namespace enid::wire
