#include "card/services/http_request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace enid::card {
namespace {

HttpRead read(std::string_view text) { return read_http_request(as_bytes(text)); }

TEST(HttpRequest, is_read_with_the_headers_that_matter) {
  const std::string text =
      "PUT /latest/api/token?x=1 HTTP/1.1\r\nHost: 169.254.169.254\r\n"
      "x-AWS-ec2-metadata-token-ttl-seconds:  21600 \r\nX-aws-ec2-metadata-token: abc==\r\n"
      "X-Forwarded-For: 203.0.113.1\r\n\r\nGET";
  const HttpRead got = read(text);
  ASSERT_EQ(got.state, HttpReadState::kComplete);
  EXPECT_EQ(got.bytes, text.size() - 3);
  EXPECT_EQ(got.request.method, "PUT");
  EXPECT_EQ(got.request.path, "/latest/api/token");
  EXPECT_EQ(got.request.token_ttl_seconds, "21600");
  EXPECT_EQ(got.request.metadata_token, "abc==");
  EXPECT_TRUE(got.request.forwarded);
  EXPECT_TRUE(got.request.keep_alive);
}

TEST(HttpRequest, is_incomplete_until_its_last_byte_came) {
  const std::string text = "\r\nPUT /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(read(std::string_view(text).substr(0, size)).state, HttpReadState::kIncomplete) << size;
  EXPECT_EQ(read(text).state, HttpReadState::kComplete);
  EXPECT_EQ(read(text).bytes, text.size());
}

TEST(HttpRequest, may_end_its_lines_by_a_lone_line_feed) {
  EXPECT_EQ(read("GET / HTTP/1.1\nHost: x\n\n").state, HttpReadState::kComplete);
}

TEST(HttpRequest, says_whether_the_connection_stays) {
  const std::vector<std::pair<std::string_view, bool>> rows{
      {"GET / HTTP/1.1\r\n\r\n", true},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nConnection: TE, Close\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
  };
  for (const auto& [text, keeps] : rows) EXPECT_EQ(read(text).request.keep_alive, keeps) << text;
}

TEST(HttpRequest, gives_the_path_of_an_absolute_target) {
  EXPECT_EQ(read("GET http://169.254.169.254/latest/#x HTTP/1.1\r\n\r\n").request.path, "/latest/");
  EXPECT_EQ(read("GET HTTP://169.254.169.254 HTTP/1.1\r\n\r\n").request.path, "/");
}

TEST(HttpRequest, is_refused_when_it_is_none) {
  const std::string long_head = "GET / HTTP/1.1\r\nX: " + std::string(kHttpHeadBytesMax, 'a');
  const std::vector<std::pair<std::string, HttpReadState>> rows{
      {"nonsense\r\n\r\n", HttpReadState::kBad},
      {"GET /\r\n\r\n", HttpReadState::kBad},
      {"GET  HTTP/1.1\r\n\r\n", HttpReadState::kBad},
      {"GET latest HTTP/1.1\r\n\r\n", HttpReadState::kBad},
      {"G T / HTTP/1.1\r\n\r\n", HttpReadState::kBad},
      {"GET / FTP/1.1\r\n\r\n", HttpReadState::kBad},
      {"GET / HTTP/2.0\r\n\r\n", HttpReadState::kNotSupported},
      {"GET / HTTP/1.1\r\nno colon\r\n\r\n", HttpReadState::kBad},
      {"GET / HTTP/1.1\r\n folded: x\r\n\r\n", HttpReadState::kBad},
      {"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", HttpReadState::kBad},
      {"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", HttpReadState::kBad},
      {"GET / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n", HttpReadState::kTooLarge},
      {"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", HttpReadState::kTooLarge},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", HttpReadState::kNotSupported},
      {long_head, HttpReadState::kTooLarge},
  };
  for (const auto& [text, state] : rows) EXPECT_EQ(read(text).state, state) << text.substr(0, 80);
}

}  // namespace
}  // namespace enid::card
