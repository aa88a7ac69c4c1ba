#include "card/services/metadata_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "card/services/metadata_tree.h"
#include "card/services/scripted_client.h"

namespace enid::card {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Metadata : testing::Test {
  std::string ask(std::string_view request) {
    ScriptedConnection connection(client, kMetadataServerAddress, 80, ++port);
    EXPECT_TRUE(connection.connect());
    const std::string answer = connection.exchange(request);
    time_to_live = connection.time_to_live;
    return answer;
  }
  std::string get(std::string_view path, std::string_view headers = "") {
    return ask(fmt::format("GET {} HTTP/1.1\r\nHost: 169.254.169.254\r\n{}\r\n", path, headers));
  }
  std::string token(std::string_view seconds = "60") {
    const std::string answer = ask(fmt::format(
        "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: {}\r\n\r\n", seconds));
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }
  std::string with_token(std::string_view text) {
    return fmt::format("X-aws-ec2-metadata-token: {}\r\n", text);
  }

  ScriptedClient client;
  std::uint16_t port = 40'000;
  std::uint8_t time_to_live = 0;
};

TEST_F(Metadata, answers_a_leaf_without_a_token_when_tokens_are_optional) {
  const std::string answer = get("/latest/meta-data/instance-id");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Server: EC2ws\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\ni-0123456789abcdef0"));
}

TEST_F(Metadata, asks_for_a_token_when_tokens_are_required) {
  client.instance.metadata_options.tokens_required = true;
  EXPECT_THAT(get("/latest/meta-data/instance-id"), StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
  const std::string answer = get("/latest/meta-data/instance-id", with_token(token()));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 60\r\n"));
}

TEST_F(Metadata, refuses_a_wrong_token_even_when_tokens_are_optional) {
  EXPECT_THAT(get("/latest/meta-data/", with_token("nonsense")), StartsWith("HTTP/1.1 401 "));
}

TEST_F(Metadata, forgets_a_token_when_its_time_is_over) {
  const std::string text = token("2");
  EXPECT_THAT(get("/latest/meta-data/", with_token(text)), StartsWith("HTTP/1.1 200 "));
  client.advance(Duration::from_seconds(2));
  EXPECT_THAT(get("/latest/meta-data/", with_token(text)), StartsWith("HTTP/1.1 401 "));
}

TEST_F(Metadata, refuses_a_token_of_another_instance) {
  const std::string text = token();
  client.instance.id = InstanceId::trusted("i-0fedcba9876543210");
  EXPECT_THAT(get("/latest/meta-data/", with_token(text)), StartsWith("HTTP/1.1 401 "));
}

TEST_F(Metadata, sends_a_token_no_further_than_the_hop_limit) {
  client.instance.metadata_options.hop_limit = 2;
  token();
  EXPECT_EQ(time_to_live, 2);
  get("/");
  EXPECT_EQ(time_to_live, 64);
}

TEST_F(Metadata, wants_a_sensible_lifetime_for_a_token) {
  for (const std::string_view seconds : {"0", "21601", "-1", "x", "1x", ""})
    EXPECT_THAT(
        ask(fmt::format("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: {}\r\n\r\n",
                        seconds)),
        StartsWith("HTTP/1.1 400 Bad Request\r\n"))
        << seconds;
  EXPECT_THAT(ask("PUT /latest/api/token HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(Metadata, gives_no_token_through_a_reverse_proxy) {
  EXPECT_THAT(ask("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n"
                  "X-Forwarded-For: 203.0.113.1\r\n\r\n"),
              StartsWith("HTTP/1.1 403 Forbidden\r\n"));
}

TEST_F(Metadata, is_forbidden_when_the_endpoint_is_off) {
  client.instance.metadata_options.endpoint_enabled = false;
  EXPECT_THAT(get("/latest/meta-data/"), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(token(), HasSubstr("403 - Forbidden"));
}

TEST_F(Metadata, knows_its_methods) {
  EXPECT_THAT(ask("POST /latest/meta-data/ HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(ask("PUT /latest/meta-data/ HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(get("/latest/api/token"), StartsWith("HTTP/1.1 405 "));
  const std::string head = ask("HEAD /latest/meta-data/instance-id HTTP/1.1\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 19\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
}

TEST_F(Metadata, answers_every_version_alike) {
  EXPECT_THAT(get("/"), HasSubstr("1.0\n2007-01-19\n"));
  EXPECT_THAT(get("/"), EndsWith("\nlatest"));
  EXPECT_THAT(get("/2009-04-04/meta-data/local-ipv4"), EndsWith("\r\n\r\n10.0.1.5"));
  EXPECT_THAT(get("/1999-01-01/meta-data/local-ipv4"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(get("/latest/meta-data/nothing"), HasSubstr("<title>404 - Not Found</title>"));
}

TEST_F(Metadata, keeps_the_connection_or_closes_it_as_the_client_wishes) {
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  ASSERT_TRUE(connection.connect());
  const std::string_view request = "GET /latest/meta-data/local-ipv4 HTTP/1.1\r\n\r\n";
  EXPECT_THAT(connection.exchange(request), HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_THAT(connection.exchange(std::string(request) + std::string(request)),
              testing::ContainsRegex("10.0.1.5HTTP/1.1 200 OK"));
  EXPECT_FALSE(connection.peer_has_closed);
  EXPECT_THAT(connection.exchange("GET / HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(connection.peer_has_closed);
  connection.send({.fin = true, .ack = true});
  EXPECT_EQ(client.services.counters().tcp_connections, 0u);
}

TEST_F(Metadata, says_so_when_a_request_is_no_http) {
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), StartsWith("HTTP/1.1 501 "));
  EXPECT_THAT(ask("GET /" + std::string(8'000, 'a')), Not(HasSubstr("HTTP/1.1")));
  ScriptedConnection connection(client, kMetadataServerAddress, 80, 50'000);
  ASSERT_TRUE(connection.connect());
  connection.exchange("GET /" + std::string(8'000, 'a'));
  EXPECT_THAT(connection.exchange(std::string(1'000, 'a')), StartsWith("HTTP/1.1 413 "));
}

TEST_F(Metadata, is_not_there_for_an_interface_without_an_instance) {
  client.is_attached = false;
  ScriptedConnection connection(client, kMetadataServerAddress, 80);
  EXPECT_EQ(connection.send({.syn = true}), ServiceVerdict::kNobodyThere);
}

TEST(MetadataTree, lists_folders_with_a_slash_below_the_first_level) {
  const MetadataMap map{{"dynamic/instance-identity/document", "{}"},
                        {"meta-data/ami-id", "ami-1"},
                        {"meta-data/placement/region", "us-east-1"},
                        {"meta-data/placement/zone", "a"},
                        {"meta-data/public-keys/", "0=mine"},
                        {"meta-data/public-keys/0/openssh-key", "ssh-ed25519"},
                        {"user-data", "text"}};
  const std::vector<std::pair<std::string_view, std::optional<std::string>>> rows{
      {"", "dynamic\nmeta-data\nuser-data"},
      {"dynamic", "instance-identity/"},
      {"meta-data", "ami-id\nplacement/\npublic-keys/"},
      {"meta-data/", "ami-id\nplacement/\npublic-keys/"},
      {"meta-data/placement", "region\nzone"},
      {"meta-data/placement/", "region\nzone"},
      {"meta-data/placement/region", "us-east-1"},
      {"meta-data/placement/region/", "us-east-1"},
      {"meta-data/public-keys", "0=mine"},
      {"meta-data/public-keys/", "0=mine"},
      {"meta-data/public-keys/0/", "openssh-key"},
      {"meta-data/place", std::nullopt},
      {"meta-data//", std::nullopt},
      {"meta-data/placement/region/more", std::nullopt},
      {"meta", std::nullopt},
      {"user-data", "text"}};
  for (const auto& [path, expected] : rows) EXPECT_EQ(metadata_at(map, path), expected) << path;
}

TEST(HttpDate, is_that_of_the_rfc) {
  EXPECT_EQ(http_date(WallTime{784'111'777'000}), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(WallTime{951'782'400'000}), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(http_date(WallTime{0}), "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace enid::card
