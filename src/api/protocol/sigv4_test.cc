// Signatures made by botocore and by AWS's documentation, every way to be refused, and single
// bytes changed at random.
#include "api/protocol/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing/request_signer.h"
#include "base/random.h"
#include "vpc/ec2_error.h"

namespace enid::api::protocol {
namespace {

using api::testing::RequestSigner;
using ::testing::HasSubstr;

constexpr const char* kId = "AKIDEXAMPLE";
constexpr const char* kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr const char* kFormType = "application/x-www-form-urlencoded; charset=utf-8";
constexpr std::int64_t kSignedAt = 1'795'253'400;  // 2026-11-21T09:30:00Z

std::optional<std::string> secret_of(std::string_view id) {
  return id == kId ? std::optional<std::string>(kSecret) : std::nullopt;
}

Result<Credential> verify(const HttpRequest& request, std::int64_t seconds = kSignedAt) {
  SignatureVerifier verifier;
  return verifier.verify(request, secret_of, WallTime{seconds * 1000});
}

// EC2's code of the refusal; "accepted" when there is none.
std::string outcome(const HttpRequest& request, std::int64_t seconds = kSignedAt) {
  const auto result = verify(request, seconds);
  return result ? "accepted" : vpc::ec2_code(result.error());
}

std::string authorization(std::string_view scope, std::string_view headers, std::string_view signature) {
  return fmt::format(
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{}/aws4_request, SignedHeaders={}, Signature={}", scope,
      headers, signature);
}

void set(HttpRequest& request, std::string_view name, std::string value) {
  for (HttpHeader& header : request.headers)
    if (same_header(header.name, name)) header.value = value;
}
void drop(HttpRequest& request, std::string_view name) {
  std::erase_if(request.headers, [&](const HttpHeader& header) { return same_header(header.name, name); });
}
std::string changed(const std::string& text, std::string_view from, std::string_view to) {
  std::string result = text;
  const std::size_t at = result.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? result : result.replace(at, from.size(), to);
}

HttpRequest describe_vpcs() {
  return {.method = "POST",
          .target = "/",
          .headers = {{"Host", "127.0.0.1:4566"},
                      {"Content-Type", kFormType},
                      {"X-Amz-Date", "20261121T093000Z"},
                      {"Authorization",
                       authorization("20261121/us-east-1/ec2", "content-type;host;x-amz-date",
                                     "4e0ec1ef8a95331deccd4bf07af329c7fd2cabd01d85fd78a11f0ecbc4a6df67")}},
          .body = "Action=DescribeVpcs&Version=2016-11-15"};
}

HttpRequest presigned() {
  return {.method = "GET",
          .target =
              "/?Action=DescribeVpcs&Version=2016-11-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"
              "&X-Amz-Credential=AKIDEXAMPLE%2F20261121%2Fus-east-1%2Fec2%2Faws4_request"
              "&X-Amz-Date=20261121T093000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
              "&X-Amz-Signature=508cd9e92a86e5968d306535ec508b322d9860488d609e0b239df3a2525c531c",
          .headers = {{"Host", "127.0.0.1:4566"}},
          .body = ""};
}

// Vectors of botocore 1.29.27, SigV4Auth, unless said otherwise.

TEST(SigV4, a_form_signed_by_botocore_is_accepted) {
  const auto credential = verify(describe_vpcs());
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ(credential->access_key_id, kId);
  EXPECT_EQ(credential->region, "us-east-1");
  EXPECT_EQ(credential->service, "ec2");
}

TEST(SigV4, a_session_token_and_letters_outside_ascii_are_accepted) {
  const HttpRequest request{
      .method = "POST",
      .target = "/",
      .headers = {{"Host", "127.0.0.1:4566"},
                  {"Content-Type", kFormType},
                  {"X-Amz-Date", "20261121T093000Z"},
                  {"X-Amz-Security-Token", "FwoGZXIvYXdzEXAMPLETOKEN=="},
                  {"Authorization",
                   authorization("20261121/eu-west-1/ec2",
                                 "content-type;host;x-amz-date;x-amz-security-token",
                                 "6f38f1de7be19c19dde531c09eb7afebc99897400958e6e837ada84032f3e3f9")}},
      .body =
          "Action=CreateTags&ResourceId.1=vpc-0123456789abcdef0&Tag.1.Key=K%C3%A9&Tag.1.Value="
          "a%26b%3D%22c%22&Version=2016-11-15"};
  EXPECT_EQ(outcome(request), "accepted");
}

TEST(SigV4, a_query_is_sorted_and_encoded_before_it_is_signed) {
  HttpRequest request{
      .method = "GET",
      .target =
          "/?Version=2016-11-15&Action=DescribeInstances&Filter.1.Name=tag%3AName"
          "&Filter.1.Value.1=a%20b%2A&Empty=",
      .headers = {{"Host", "127.0.0.1:4566"},
                  {"X-Amz-Date", "20261121T093000Z"},
                  {"Authorization",
                   authorization("20261121/us-east-1/ec2", "host;x-amz-date",
                                 "c042ff7481c9a6892893aec5b62d70646aa2bc161cfb9378a8eadb0b434fba7c")}},
      .body = ""};
  EXPECT_EQ(outcome(request), "accepted");
  request.target = changed(request.target, "a%20b%2A", "a+b*");  // The same in other clothes.
  EXPECT_EQ(outcome(request), "accepted");
}

TEST(SigV4, blanks_of_a_header_value_are_trimmed_and_made_one) {
  HttpRequest request = describe_vpcs();
  request.headers.push_back({"X-Amz-Note", "  two   words  "});
  set(request, "authorization",
      authorization("20261121/us-east-1/ec2", "content-type;host;x-amz-date;x-amz-note",
                    "7955d8ace7a742cb63c63e3c0c7824b9c716272eec5d17493481e1deccc57567"));
  EXPECT_EQ(outcome(request), "accepted");
}

TEST(SigV4, another_service_is_another_key) {
  HttpRequest request = describe_vpcs();
  set(request, "host", "localhost:4566");
  request.body = "Action=GetCallerIdentity&Version=2011-06-15";
  set(request, "authorization",
      authorization("20261121/us-east-1/sts", "content-type;host;x-amz-date",
                    "bfbedb126b72eafea7729424260448d201c8ce555fe64a0c17f912bd4b43ffda"));
  EXPECT_EQ(outcome(request), "accepted");
}

// Documented: AWS's Signature Version 4 test suite, get-vanilla.
TEST(SigV4, get_vanilla_of_the_test_suite_is_accepted) {
  const HttpRequest request{
      .method = "GET",
      .target = "/",
      .headers = {{"Host", "example.amazonaws.com"},
                  {"X-Amz-Date", "20150830T123600Z"},
                  {"Authorization",
                   authorization("20150830/us-east-1/service", "host;x-amz-date",
                                 "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")}},
      .body = ""};
  EXPECT_EQ(outcome(request, 1'440'938'160), "accepted");
}

// Documented: IAM User Guide, the example of a signed ListUsers.
TEST(SigV4, the_documented_list_users_is_accepted) {
  const HttpRequest request{
      .method = "GET",
      .target = "/?Action=ListUsers&Version=2010-05-08",
      .headers = {{"Host", "iam.amazonaws.com"},
                  {"Content-Type", kFormType},
                  {"X-Amz-Date", "20150830T123600Z"},
                  {"Authorization",
                   authorization("20150830/us-east-1/iam", "content-type;host;x-amz-date",
                                 "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")}},
      .body = ""};
  EXPECT_EQ(outcome(request, 1'440'938'160), "accepted");
}

TEST(SigV4, the_signer_of_our_tests_signs_as_botocore_does) {
  const HttpRequest request = RequestSigner{}.post("Action=DescribeVpcs&Version=2016-11-15");
  EXPECT_EQ(*request.header("authorization"), *describe_vpcs().header("authorization"));
}

TEST(SigV4, a_presigned_url_is_good_until_it_expires) {
  EXPECT_EQ(outcome(presigned()), "accepted");
  EXPECT_EQ(outcome(presigned(), kSignedAt + 3600), "accepted");
  EXPECT_EQ(outcome(presigned(), kSignedAt + 3601), "RequestExpired");
  EXPECT_EQ(outcome(presigned(), kSignedAt - 901), "RequestExpired");
}

TEST(SigV4, a_presigned_url_needs_all_its_parts_and_a_lifetime_of_seven_days_at_most) {
  for (const char* part :
       {"&X-Amz-Credential=", "&X-Amz-Date=", "&X-Amz-SignedHeaders=", "&X-Amz-Signature="}) {
    HttpRequest request = presigned();
    request.target = changed(request.target, part, "&Y=");
    EXPECT_EQ(outcome(request), "IncompleteSignature") << part;
  }
  for (const char* expires : {"0", "604801", "-1", "1e3", "", "99999999999999999999"}) {
    HttpRequest request = presigned();
    request.target = changed(request.target, "X-Amz-Expires=3600", std::string("X-Amz-Expires=") + expires);
    EXPECT_EQ(outcome(request), "IncompleteSignature") << expires;
  }
}

TEST(SigV4, a_request_without_a_signature_is_refused) {
  HttpRequest request = describe_vpcs();
  drop(request, "authorization");
  const auto result = verify(request);
  ASSERT_FALSE(result);
  EXPECT_EQ(vpc::ec2_code(result.error()), "MissingAuthenticationToken");
  EXPECT_EQ(vpc::ec2_http_status("MissingAuthenticationToken"), 403);
  EXPECT_FALSE(claimed_credential(request));
}

struct Incomplete {
  const char* name;
  const char* from;
  const char* to;
  const char* says;
};
class IncompleteSignature : public ::testing::TestWithParam<Incomplete> {};
TEST_P(IncompleteSignature, is_refused_and_told_what_is_missing) {
  HttpRequest request = describe_vpcs();
  set(request, "authorization", changed(*request.header("authorization"), GetParam().from, GetParam().to));
  const auto result = verify(request);
  ASSERT_FALSE(result);
  EXPECT_EQ(vpc::ec2_code(result.error()), "IncompleteSignature");
  EXPECT_THAT(result.error().message, HasSubstr(GetParam().says));
}
INSTANTIATE_TEST_SUITE_P(
    SigV4, IncompleteSignature,
    ::testing::Values(Incomplete{"algorithm", "AWS4-HMAC-SHA256", "AWS4-HMAC-MD5", "algorithm"},
                      Incomplete{"no_credential", "Credential=", "Credentials=", "'Credential'"},
                      Incomplete{"no_signature", "Signature=", "Signed=", "'Signature'"},
                      Incomplete{"no_signed_headers", "SignedHeaders=", "Headers=", "'SignedHeaders'"},
                      Incomplete{"short_scope", "/ec2/", "/", "5 slash-delimited"},
                      Incomplete{"long_scope", "/ec2/", "/e/c2/", "5 slash-delimited"},
                      Incomplete{"terminator", "aws4_request", "aws5_request", "5 slash-delimited"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(SigV4, a_date_is_needed_and_must_be_in_the_basic_format) {
  HttpRequest request = describe_vpcs();
  drop(request, "x-amz-date");
  EXPECT_EQ(outcome(request), "IncompleteSignature");
  for (const char* date : {"", "2026-11-21T09:30:00Z", "20261121T093000", "20261321T093000Z",
                           "20261121T24X000Z", "Sat, 21 Nov 2026 09:30:00 GMT"}) {
    request = describe_vpcs();
    set(request, "x-amz-date", date);
    EXPECT_EQ(outcome(request), "IncompleteSignature") << date;
  }
}

// Documented: EC2 names keys and signatures alike; STS tells them apart.
TEST(SigV4, unknown_keys_and_wrong_secrets_are_refused_in_the_services_words) {
  RequestSigner stranger{.id = "AKIDSTRANGER"};
  RequestSigner liar{.secret = "not the secret"};
  EXPECT_EQ(outcome(stranger.post("Action=X")), "AuthFailure");
  EXPECT_EQ(outcome(liar.post("Action=X")), "AuthFailure");
  stranger.service = liar.service = "sts";
  EXPECT_EQ(outcome(stranger.post("Action=X")), "InvalidClientTokenId");
  EXPECT_EQ(outcome(liar.post("Action=X")), "SignatureDoesNotMatch");
}

TEST(SigV4, a_clock_that_is_minutes_off_is_refused) {
  const HttpRequest ec2 = describe_vpcs();
  EXPECT_EQ(outcome(ec2, kSignedAt + 900), "accepted");
  EXPECT_EQ(outcome(ec2, kSignedAt + 901), "RequestExpired");
  EXPECT_EQ(outcome(ec2, kSignedAt - 900), "accepted");
  EXPECT_EQ(outcome(ec2, kSignedAt - 901), "RequestExpired");
  const HttpRequest sts = RequestSigner{.service = "sts"}.post("Action=X");
  EXPECT_EQ(outcome(sts, kSignedAt + 300), "accepted");
  EXPECT_EQ(
      verify(sts, kSignedAt + 301).error().message,
      "Signature expired: 20261121T093000Z is now earlier than 20261121T093001Z (20261121T093501Z - 5 min.)");
  EXPECT_EQ(outcome(sts, kSignedAt + 301), "SignatureDoesNotMatch");
  EXPECT_EQ(verify(sts, kSignedAt - 301).error().message,
            "Signature not yet current: 20261121T093000Z is still later than 20261121T092959Z "
            "(20261121T092459Z + 5 min.)");
}

TEST(SigV4, the_scope_must_be_of_the_requests_day) {
  HttpRequest request = describe_vpcs();
  set(request, "authorization", changed(*request.header("authorization"), "/20261121/", "/20261120/"));
  EXPECT_EQ(outcome(request), "SignatureDoesNotMatch");
}

TEST(SigV4, host_and_amz_headers_must_be_signed) {
  HttpRequest request = describe_vpcs();
  set(request, "authorization",
      changed(*request.header("authorization"), "content-type;host;", "content-type;"));
  EXPECT_EQ(outcome(request), "SignatureDoesNotMatch");
  request = describe_vpcs();
  request.headers.push_back({"X-Amz-Target", "Something.Else"});
  EXPECT_EQ(outcome(request), "SignatureDoesNotMatch");
  request = describe_vpcs();
  request.headers.push_back({"User-Agent", "changed on the way"});
  EXPECT_EQ(outcome(request), "accepted");
}

TEST(SigV4, a_signed_header_that_is_gone_or_doubled_is_refused) {
  HttpRequest request = describe_vpcs();
  drop(request, "content-type");
  EXPECT_EQ(outcome(request), "SignatureDoesNotMatch");
  request = describe_vpcs();
  request.headers.push_back({"Host", "elsewhere"});
  EXPECT_EQ(outcome(request), "AuthFailure");
}

TEST(SigV4, a_changed_body_is_refused_whatever_the_header_says_of_it) {
  HttpRequest request = describe_vpcs();
  request.body += "&DryRun=true";
  EXPECT_EQ(outcome(request), "AuthFailure");
  const RequestSigner signer;
  HttpRequest unsigned_body{.method = "POST",
                            .target = "/",
                            .headers = {{"Host", "h"}, {"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}},
                            .body = "Action=X"};
  EXPECT_EQ(outcome(signer.sign(unsigned_body)), "SignatureDoesNotMatch");
}

TEST(SigV4, an_extra_signature_parameter_is_part_of_a_signed_query) {
  HttpRequest request = describe_vpcs();
  request.target = "/?X-Amz-Signature=0";
  EXPECT_EQ(outcome(request), "AuthFailure");
}

TEST(SigV4, half_a_claim_still_tells_the_service) {
  HttpRequest request = describe_vpcs();
  set(request, "authorization", "AWS4-HMAC-SHA256 Credential=K/20261121/us-east-1/sts/aws4_request");
  EXPECT_EQ(outcome(request), "IncompleteSignature");
  ASSERT_TRUE(claimed_credential(request));
  EXPECT_EQ(claimed_credential(request)->service, "sts");
}

TEST(SigV4, a_verifier_outlives_more_scopes_than_it_keeps) {
  SignatureVerifier verifier;
  for (int i = 0; i < 3000; ++i) {
    const HttpRequest request = RequestSigner{.region = "r" + std::to_string(i)}.post("Action=X");
    ASSERT_TRUE(verifier.verify(request, secret_of, WallTime{kSignedAt * 1000}));
  }
}

// A byte of what the signature covers, changed at random. Bytes that mean the same in another
// spelling do not count: blanks and commas between fields, and the case of escapes.
class Mutation {
 public:
  explicit Mutation(std::uint64_t seed) : random_(seed) {}

  void change(std::string& text) {
    if (text.empty()) return;
    const std::size_t at = random_.below(text.size());
    const char before = text[at];
    do text[at] = static_cast<char>(random_.below(256));
    while (text[at] == before || same(text[at], before));
  }
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

 private:
  static bool same(char a, char b) {
    const auto separates = [](char c) { return c == ' ' || c == '\t' || c == ','; };
    return (separates(a) && separates(b)) || (a ^ b) == 0x20;
  }
  Random random_;
};

TEST(SigV4, any_changed_byte_of_a_signed_request_is_refused) {
  Mutation mutation(20261121);
  const HttpRequest post = describe_vpcs();
  const HttpRequest get = [] {
    HttpRequest request = describe_vpcs();
    request =
        RequestSigner{}.sign({.method = "GET",
                              .target = "/?Action=DescribeVpcs&Filter.1.Name=tag%3AName&Version=2016-11-15",
                              .headers = {{"Host", "127.0.0.1:4566"}, {"X-Amz-Note", "one two"}},
                              .body = ""});
    return request;
  }();
  const HttpRequest url = presigned();
  for (const HttpRequest* original : {&post, &get, &url}) {
    ASSERT_EQ(outcome(*original), "accepted");
    for (int round = 0; round < 5'000; ++round) {
      HttpRequest request = *original;
      const std::size_t field = mutation.below(3 + request.headers.size());
      std::string& text = field == 0   ? request.method
                          : field == 1 ? request.target
                          : field == 2 ? request.body
                                       : request.headers[field - 3].value;
      const std::string before = text;
      mutation.change(text);
      if (text == before) continue;
      ASSERT_NE(outcome(request), "accepted") << round << ": " << before << " -> " << text;
    }
  }
}

}  // namespace
}  // namespace enid::api::protocol
