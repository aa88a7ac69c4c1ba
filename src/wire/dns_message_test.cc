#include "wire/dns_message.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "base/random.h"

namespace enid::wire {
namespace {

std::vector<std::uint8_t> header(std::uint8_t questions = 1, std::uint8_t additional = 0) {
  return {0x12, 0x34, 1, 0, 0, questions, 0, 0, 0, 0, 0, additional};
}

std::vector<std::uint8_t> operator+(std::vector<std::uint8_t> bytes, std::string_view text) {
  bytes.insert(bytes.end(), text.begin(), text.end());
  return bytes;
}

constexpr std::string_view kQuestion{"\3WwW\7example\3com\0\0\1\0\1", 21};

TEST(DnsQuery, is_read_with_its_name_in_lower_case) {
  const auto message = header() + kQuestion;
  const auto query = DnsQuery::parse(message);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_TRUE(query->recursion_desired);
  EXPECT_EQ(query->name, "www.example.com");
  EXPECT_EQ(query->type, 1);
  EXPECT_EQ(query->question.size(), kQuestion.size());
  EXPECT_FALSE(query->has_edns);
  EXPECT_EQ(query->udp_bytes_max, 512u);
}

TEST(DnsQuery, carries_the_size_that_the_client_takes) {
  const std::string_view opt{"\0\0\x29\x10\0\0\0\x80\0\0\0", 11};
  const auto message = header(1, 1) + kQuestion + opt;
  const auto query = DnsQuery::parse(message);
  ASSERT_TRUE(query);
  EXPECT_TRUE(query->has_edns);
  EXPECT_TRUE(query->dnssec_ok);
  EXPECT_EQ(query->udp_bytes_max, 4096u);
  EXPECT_FALSE(DnsQuery::parse(header(1, 2) + kQuestion + opt + opt));
}

TEST(DnsQuery, is_nothing_when_cut_anywhere) {
  const auto message = header() + kQuestion;
  for (std::size_t size = 0; size < message.size(); ++size)
    EXPECT_FALSE(DnsQuery::parse(ConstBytes(message).first(size))) << size;
  EXPECT_FALSE(DnsQuery::parse(header(0)));
  EXPECT_FALSE(DnsQuery::parse(header(2) + kQuestion + kQuestion));
}

TEST(DnsName, follows_pointers_only_backwards) {
  const std::string_view name{"\1a\0", 3};
  const std::string_view pointing{"\1b\xc0\x0c", 4};
  const auto good = header() + name + pointing;
  std::size_t offset = 15;
  EXPECT_EQ(parse_dns_name(good, offset), "b.a");
  EXPECT_EQ(offset, 19u);
  for (const std::string_view bad : {std::string_view("\xc0\x0c", 2), std::string_view("\1a\xc0\x0c", 4),
                                     std::string_view("\xc0\x0e\xc0\x0c", 4), std::string_view("\xc0\x01", 2),
                                     std::string_view("\xc0", 1), std::string_view("\x40\0", 2)}) {
    const auto message = header() + bad;
    offset = 12;
    EXPECT_FALSE(parse_dns_name(message, offset));
  }
}

TEST(DnsName, is_at_most_255_bytes) {
  std::string name;
  for (int i = 0; i < 3; ++i) name += '\x3f' + std::string(63, 'a');
  const auto at_limit = header() + (name + '\x3d' + std::string(61, 'b') + '\0');
  const auto too_long = header() + (name + '\x3e' + std::string(62, 'b') + '\0');
  std::size_t offset = 12;
  EXPECT_TRUE(parse_dns_name(at_limit, offset));
  offset = 12;
  EXPECT_FALSE(parse_dns_name(too_long, offset));
}

TEST(DnsName, keeps_odd_bytes_apart_from_dots) {
  const auto message = header() + std::string_view("\3a.b\1\x01\0", 7);
  std::size_t offset = 12;
  EXPECT_EQ(parse_dns_name(message, offset), "a\\046b.\\001");
}

TEST(DnsAnswerWriter, answers_the_question_it_was_made_for) {
  const auto message = header() + kQuestion;
  DnsAnswerWriter writer(*DnsQuery::parse(message));
  writer.add_address(Ipv4Address{0x0a000105}, 60);
  const auto answer = std::move(writer).finish(512);
  const auto expected = std::vector<std::uint8_t>{0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0} +
                        kQuestion + std::string_view("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\1\5", 16);
  EXPECT_EQ(answer, expected);
}

TEST(DnsAnswerWriter, leaves_out_what_the_client_cannot_take) {
  const auto message = header() + kQuestion;
  DnsAnswerWriter writer(*DnsQuery::parse(message));
  for (std::uint32_t i = 0; i < 40; ++i) writer.add_address(Ipv4Address{i}, 60);
  const auto answer = std::move(writer).finish(512);
  EXPECT_EQ(answer.size(), 12 + kQuestion.size());
  EXPECT_EQ(answer[2] & 2, 2);
  EXPECT_EQ(answer[7], 0);
}

TEST(DnsRefusal, answers_no_answers) {
  auto message = header();
  const auto refusal = dns_refusal(message, DnsStatus::kFormatError);
  ASSERT_TRUE(refusal);
  EXPECT_EQ((*refusal)[0], 0x12);
  EXPECT_EQ((*refusal)[3] & 15, 1);
  message[2] |= 0x80;
  EXPECT_FALSE(dns_refusal(message, DnsStatus::kFormatError));
  EXPECT_FALSE(dns_refusal(ConstBytes(message).first(11), DnsStatus::kFormatError));
}

TEST(DnsQuery, survives_whatever_bytes_come) {
  Random random(1035);
  for (int i = 0; i < 50'000; ++i) {
    auto message = header(1, static_cast<std::uint8_t>(random.below(3))) + kQuestion;
    message.resize(12 + random.below(60));
    for (std::size_t at = 12 + random.below(20); at < message.size(); ++at)
      message[at] = static_cast<std::uint8_t>(random.next());
    if (const auto query = DnsQuery::parse(message)) {
      EXPECT_LE(std::move(DnsAnswerWriter(*query)).finish(512).size(), 512u);
    }
  }
}

}  // namespace
}  // namespace enid::wire
