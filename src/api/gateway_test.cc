// Requests as they come from the listener, to a control plane over a store in memory.
#include "api/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/ec2/operations.h"
#include "api/generated/ec2_shapes.h"
#include "api/generated/sts_shapes.h"
#include "api/sts/sts_operations.h"
#include "api/testing/request_signer.h"
#include "control/testing/control_plane_parts.h"
#include "store/memory/memory_store.h"

namespace enid::api {
namespace {

using api::testing::RequestSigner;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr const char* kCreateVpc = "Action=CreateVpc&CidrBlock=10.1.0.0%2F16&Version=2016-11-15";

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    ec2::add_operations(ec2_);
    sts::add_operations(sts_);
    auto keys = AccessKeys::load(store_);
    EXPECT_TRUE(keys);
    keys_ = std::move(*keys);
    keys_->import(signer_.id, signer_.secret, WallTime{}, [](auto) {});
    restart();
  }

  // A new process on the same store.
  void restart(GatewayOptions options = {}) {
    gateway_.reset();
    plane_ = std::make_unique<control::ControlPlane>(
        control::ControlPlane::Parts{
            .store = store_, .card = &card_, .runtime = &runtime_, .executor = executor_},
        control::ControlPlaneOptions{.account = "123456789012"});
    ASSERT_TRUE(plane_->recover());
    tokens_ = {};
    plane_->inspect([this](const control::ControlPlane::Regions& regions, store::Revision) {
      restore_client_tokens(regions, tokens_, executor_.now);
    });
    executor_.run();
    dispatcher_.emplace(std::vector<const OperationTable*>{&ec2_, &sts_}, tokens_);
    gateway_ = std::make_unique<Gateway>(
        *plane_, *dispatcher_, tokens_, *keys_, [this] { return executor_.wall_time(); }, options);
  }

  HttpResponse ask(const HttpRequest& request) {
    std::vector<HttpResponse> answers;
    gateway_->handle(request, [&](HttpResponse response) { answers.push_back(std::move(response)); });
    executor_.run();
    EXPECT_EQ(answers.size(), 1u) << request.target << " " << request.body;
    return answers.empty() ? HttpResponse{.status = 0, .body = "", .headers = {}} : answers.front();
  }
  HttpResponse post(const std::string& form) { return ask(signer_.post(form)); }

  static std::string header(const HttpResponse& response, std::string_view name) {
    for (const HttpHeader& header : response.headers)
      if (header.name == name) return header.value;
    return "";
  }
  static std::string element(const std::string& xml, const std::string& name) {
    const std::size_t start = xml.find("<" + name + ">");
    if (start == xml.npos) return "";
    const std::size_t from = start + name.size() + 2;
    return xml.substr(from, xml.find("<", from) - from);
  }
  static std::string without_request_id(std::string xml) {
    const std::string id = element(xml, "requestId");
    EXPECT_FALSE(id.empty()) << xml;
    return xml.replace(xml.find(id), id.size(), "");
  }
  std::size_t vpcs() {
    const std::string xml = post("Action=DescribeVpcs&Version=2016-11-15").body;
    std::size_t count = 0;
    for (std::size_t at = xml.find("<vpcId>"); at != xml.npos; at = xml.find("<vpcId>", at + 1)) ++count;
    return count;
  }

  RequestSigner signer_;
  store::MemoryStore store_;
  control::testing::HandExecutor executor_;
  control::testing::WillingCard card_;
  control::testing::WillingRuntime runtime_;
  OperationTable ec2_{ec2::service_shape()};
  OperationTable sts_{sts::service_shape()};
  std::unique_ptr<AccessKeys> keys_;
  std::unique_ptr<control::ControlPlane> plane_;
  IdempotencyTable tokens_;
  std::optional<Dispatcher> dispatcher_;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(GatewayTest, a_signed_call_is_answered_in_ec2s_xml_with_one_request_id) {
  const HttpResponse response = post(kCreateVpc);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/xml;charset=UTF-8");
  EXPECT_THAT(response.body,
              AllOf(HasSubstr("<CreateVpcResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">"),
                    HasSubstr("<cidrBlock>10.1.0.0/16</cidrBlock>")));
  const std::string id = header(response, "x-amzn-RequestId");
  EXPECT_THAT(id, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(element(response.body, "requestId"), id);
  EXPECT_NE(header(post(kCreateVpc), "x-amzn-RequestId"), id);
}

TEST_F(GatewayTest, an_sts_call_tells_who_called) {
  signer_.service = "sts";
  const HttpResponse response = post("Action=GetCallerIdentity&Version=2011-06-15");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(element(response.body, "Account"), "123456789012");
  EXPECT_EQ(element(response.body, "RequestId"), header(response, "x-amzn-RequestId"));
}

TEST_F(GatewayTest, a_get_with_a_signed_query_is_the_same_call) {
  const HttpResponse response = ask(signer_.sign({.method = "GET",
                                                  .target = "/?Action=DescribeVpcs&Version=2016-11-15",
                                                  .headers = {{"Host", "h"}},
                                                  .body = ""}));
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("<DescribeVpcsResponse"));
}

// Made by botocore 1.29.27, SigV4QueryAuth.
TEST_F(GatewayTest, a_presigned_url_is_a_call_and_its_signature_no_parameter) {
  const HttpResponse response =
      ask({.method = "GET",
           .target = "/?Action=DescribeVpcs&Version=2016-11-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"
                     "&X-Amz-Credential=AKIDEXAMPLE%2F20261121%2Fus-east-1%2Fec2%2Faws4_request"
                     "&X-Amz-Date=20261121T093000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
                     "&X-Amz-Signature=508cd9e92a86e5968d306535ec508b322d9860488d609e0b239df3a2525c531c",
           .headers = {{"Host", "127.0.0.1:4566"}},
           .body = ""});
  EXPECT_EQ(response.status, 200) << response.body;
}

TEST_F(GatewayTest, refusals_are_xml_of_the_service_with_a_request_id) {
  const HttpResponse unknown = post("Action=MakeCoffee&Version=2016-11-15");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(element(unknown.body, "Code"), "InvalidAction");
  EXPECT_EQ(element(unknown.body, "RequestID"), header(unknown, "x-amzn-RequestId"));
  EXPECT_EQ(element(post("Version=2016-11-15").body, "Code"), "MissingAction");

  HttpRequest unsigned_call = signer_.post(kCreateVpc);
  unsigned_call.headers.pop_back();
  const HttpResponse stranger = ask(unsigned_call);
  EXPECT_EQ(element(stranger.body, "Code"), "MissingAuthenticationToken");
  EXPECT_EQ(stranger.status, 403);
  EXPECT_EQ(vpcs(), 1u);  // The default one.

  signer_.service = "sts";
  signer_.secret = "wrong";
  const HttpResponse sts = post("Action=GetCallerIdentity&Version=2011-06-15");
  EXPECT_EQ(sts.status, 403);
  EXPECT_THAT(sts.body, AllOf(HasSubstr("<ErrorResponse"), HasSubstr("<Code>SignatureDoesNotMatch</Code>")));
}

TEST_F(GatewayTest, a_deleted_key_is_refused_from_then_on) {
  keys_->import("ANOTHERKEY", "anothersecret", WallTime{}, [](auto) {});
  EXPECT_EQ(post("Action=DescribeVpcs").status, 200);
  keys_->remove(signer_.id, [](auto) {});
  EXPECT_EQ(element(post("Action=DescribeVpcs").body, "Code"), "AuthFailure");
}

TEST_F(GatewayTest, an_old_signature_is_refused) {
  executor_.now.milliseconds_since_epoch += 16 * 60'000;
  EXPECT_EQ(element(post("Action=DescribeVpcs").body, "Code"), "RequestExpired");
}

TEST_F(GatewayTest, the_scope_chooses_the_region_and_there_must_be_one) {
  EXPECT_EQ(post(kCreateVpc).status, 200);
  EXPECT_EQ(vpcs(), 2u);
  signer_.region = "eu-central-1";
  EXPECT_EQ(vpcs(), 1u);
  signer_.region = "mars-north-1";
  const HttpResponse nowhere = post(kCreateVpc);
  EXPECT_EQ(element(nowhere.body, "Code"), "AuthFailure");
  EXPECT_THAT(nowhere.body, HasSubstr("mars-north-1"));
  signer_.region = "us-east-1";
  signer_.service = "s3";
  EXPECT_EQ(element(post(kCreateVpc).body, "Code"), "SignatureDoesNotMatch");
}

TEST_F(GatewayTest, a_dry_run_says_what_would_happen_and_changes_nothing) {
  const HttpResponse yes = post(std::string(kCreateVpc) + "&DryRun=true");
  EXPECT_EQ(yes.status, 412);
  EXPECT_EQ(element(yes.body, "Code"), "DryRunOperation");
  EXPECT_EQ(vpcs(), 1u);
  const HttpResponse no = post("Action=CreateVpc&CidrBlock=10.1.0.0%2F8&DryRun=true");
  EXPECT_EQ(element(no.body, "Code"), "InvalidVpc.Range");
}

TEST_F(GatewayTest, without_authentication_any_key_is_believed_and_the_scope_still_counts) {
  restart({.auth_none = true});
  signer_.id = "whoever";
  signer_.secret = "whatever";
  signer_.region = "eu-central-1";
  EXPECT_EQ(post(kCreateVpc).status, 200);
  EXPECT_EQ(vpcs(), 2u);
  const HttpResponse plain =
      ask({.method = "GET", .target = "/?Action=DescribeVpcs", .headers = {{"Host", "h"}}, .body = ""});
  EXPECT_EQ(plain.status, 200);
  signer_.region = "mars-north-1";
  EXPECT_EQ(element(post(kCreateVpc).body, "Code"), "AuthFailure");
}

class ClientTokens : public GatewayTest {
 protected:
  std::string create(std::string_view token, std::string_view description) {
    return fmt::format("Action=CreateNetworkInterface&ClientToken={}&Description={}&SubnetId={}", token,
                       description, subnet_);
  }
  std::string subnet_ = element(post("Action=DescribeSubnets").body, "subnetId");
};

TEST_F(ClientTokens, a_repeated_call_gets_the_same_answer_even_after_a_restart) {
  const HttpResponse first = post(create("t1", "one"));
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(without_request_id(post(create("t1", "one")).body), without_request_id(first.body));
  restart();
  EXPECT_EQ(without_request_id(post(create("t1", "one")).body), without_request_id(first.body));
  const std::string other = element(post(create("t2", "one")).body, "networkInterfaceId");
  EXPECT_NE(other, element(first.body, "networkInterfaceId"));
}

TEST_F(ClientTokens, with_other_parameters_the_token_is_refused) {
  const std::string first = element(post(create("t1", "one")).body, "networkInterfaceId");
  EXPECT_EQ(element(post(create("t1", "two")).body, "Code"), "IdempotentParameterMismatch");
  restart();
  EXPECT_EQ(element(post(create("t1", "two")).body, "Code"), "IdempotentParameterMismatch");
  EXPECT_EQ(element(post(create("t1", "one")).body, "networkInterfaceId"), first);
}

TEST_F(ClientTokens, a_token_is_forgotten_after_a_day) {
  const std::string first = element(post(create("t1", "one")).body, "networkInterfaceId");
  executor_.now.milliseconds_since_epoch += IdempotencyTable::kLifetimeMilliseconds;
  signer_.time = "20261122T093000Z";
  restart();
  const std::string second = element(post(create("t1", "two")).body, "networkInterfaceId");
  EXPECT_FALSE(second.empty());
  EXPECT_NE(second, first);
}

TEST_F(ClientTokens, a_call_that_could_not_be_stored_leaves_no_token) {
  store_.fail_next_commit({std::make_error_code(std::errc::no_space_on_device), "/secret/path is full"});
  const HttpResponse failed = post(create("t1", "one"));
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(element(failed.body, "Code"), "InternalError");
  EXPECT_THAT(failed.body, Not(HasSubstr("secret")));
  restart();
  EXPECT_EQ(post(create("t1", "two")).status, 200);
}

TEST_F(GatewayTest, a_body_that_is_no_form_is_refused) {
  HttpRequest json{.method = "POST",
                   .target = "/",
                   .headers = {{"Host", "h"}, {"Content-Type", "application/x-amz-json-1.1"}},
                   .body = "{}"};
  EXPECT_EQ(element(ask(signer_.sign(json)).body, "Code"), "MalformedQueryString");
  EXPECT_EQ(element(post("Action=DescribeVpcs&Broken=%zz").body, "Code"), "MalformedQueryString");
  std::string many = "Action=DescribeVpcs";
  for (int i = 0; i < 20'000; ++i) many += "&a=b";
  EXPECT_EQ(post(many).status, 400);
}

TEST_F(GatewayTest, other_paths_and_methods_have_a_request_id_too) {
  for (const char* target : {"", "/x", "//", "http://elsewhere/", "*"}) {
    const HttpResponse response = ask({.method = "GET", .target = target, .headers = {}, .body = ""});
    EXPECT_EQ(response.status, 404) << target;
    EXPECT_FALSE(header(response, "x-amzn-RequestId").empty()) << target;
  }
  for (const char* method : {"HEAD", "PUT", "DELETE", "OPTIONS", "get", ""}) {
    const HttpResponse response = ask({.method = method, .target = "/", .headers = {}, .body = ""});
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(header(response, "Allow"), "GET, POST");
    EXPECT_FALSE(header(response, "x-amzn-RequestId").empty()) << method;
  }
}

TEST_F(GatewayTest, health_needs_no_signature) {
  const HttpResponse response = ask({.method = "GET", .target = "/_enid/health", .headers = {}, .body = ""});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
}

TEST_F(GatewayTest, an_answer_waits_until_it_is_durable) {
  store_.hold_commits();
  int answers = 0;
  gateway_->handle(signer_.post(kCreateVpc), [&](HttpResponse) { ++answers; });
  executor_.run();
  EXPECT_EQ(answers, 0);
  store_.release_commits();
  executor_.run();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace enid::api
