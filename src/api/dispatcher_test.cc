#include "api/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/generated/ec2_shapes.h"
#include "api/generated/ec2_types.h"
#include "api/generated/sts_shapes.h"
#include "api/sts/sts_operations.h"
#include "control/transaction.h"
#include "vpc/ec2_error.h"

namespace enid::api {
namespace {

using testing::HasSubstr;

int interfaces_made = 0;

Result<ec2::CreateSubnetResult> create_subnet(CallContext&, const ec2::CreateSubnetRequest& request) {
  return ec2::CreateSubnetResult{.subnet = ec2::Subnet{.subnet_id = "subnet-1", .vpc_id = request.vpc_id}};
}

Result<ec2::CreateNetworkInterfaceResult> create_interface(CallContext&,
                                                           const ec2::CreateNetworkInterfaceRequest&) {
  return ec2::CreateNetworkInterfaceResult{
      .network_interface =
          ec2::NetworkInterface{.network_interface_id = "eni-" + std::to_string(++interfaces_made)}};
}

Result<NoResult> delete_vpc(CallContext&, const ec2::DeleteVpcRequest& request) {
  if (request.vpc_id == "vpc-disk")
    return failure(std::make_error_code(std::errc::no_space_on_device), "write /secret/path");
  return vpc::ec2_failure("InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist");
}

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() {
    interfaces_made = 0;
    ec2_.add<ec2::operations::CreateSubnet>(create_subnet, OperationKind::kChange);
    ec2_.add<ec2::operations::CreateNetworkInterface>(create_interface, OperationKind::kChange);
    ec2_.add<ec2::operations::DeleteVpc>(delete_vpc, OperationKind::kChange);
    sts::add_operations(sts_);
  }

  Response call(std::string_view text, std::string_view service = "ec2", WallTime now = {}) {
    control::Transaction transaction(region_, "000000000000", now, random_);
    CallContext context{transaction, "eu-test-1", "000000000000", "AKIA", "r-1", now, random_};
    const auto form = protocol::parse_form(text);
    return dispatcher_.dispatch({service, *form}, context);
  }

  OperationTable ec2_{ec2::service_shape()};
  OperationTable sts_{sts::service_shape()};
  IdempotencyTable tokens_;
  Dispatcher dispatcher_{{&ec2_, &sts_}, tokens_};
  control::RegionModel region_{"eu-test-1"};
  Random random_{1};
};

TEST_F(DispatcherTest, decodes_calls_and_encodes) {
  const Response response =
      call("Action=CreateSubnet&Version=2016-11-15&VpcId=vpc-7&CidrBlock=10.0.0.0%2F24");
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.changed);
  EXPECT_FALSE(response.roll_back);
  EXPECT_THAT(response.body, HasSubstr("<CreateSubnetResponse xmlns="));
  EXPECT_THAT(response.body, HasSubstr("<requestId>r-1</requestId>"));
  EXPECT_THAT(response.body, HasSubstr("<vpcId>vpc-7</vpcId>"));
}

TEST_F(DispatcherTest, tells_who_the_caller_is) {
  const Response response = call("Action=GetCallerIdentity&Version=2011-06-15", "sts");
  EXPECT_EQ(response.status, 200);
  EXPECT_FALSE(response.changed);
  EXPECT_THAT(response.body, HasSubstr("<Arn>arn:aws:iam::000000000000:root</Arn>"));
}

TEST_F(DispatcherTest, refuses_actions_that_there_are_not) {
  for (const std::string_view text : {"Action=Dance", "Action=CreateVpc", "Action=GetCallerIdentity"}) {
    const Response response = call(text);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.code, "InvalidAction");
    EXPECT_TRUE(response.roll_back);
    EXPECT_THAT(response.body, HasSubstr("is not valid for this web service."));
  }
  EXPECT_EQ(call("VpcId=vpc-1").code, "MissingAction");
}

TEST_F(DispatcherTest, takes_back_what_a_dry_run_did) {
  const Response yes = call("Action=CreateSubnet&VpcId=vpc-7&DryRun=true");
  EXPECT_EQ(yes.status, 412);
  EXPECT_EQ(yes.code, "DryRunOperation");
  EXPECT_TRUE(yes.roll_back);
  EXPECT_FALSE(yes.changed);
  const Response no = call("Action=DeleteVpc&VpcId=vpc-1&DryRun=true");
  EXPECT_EQ(no.code, "InvalidVpcID.NotFound");
}

TEST_F(DispatcherTest, keeps_internal_errors_to_itself) {
  const Response response = call("Action=DeleteVpc&VpcId=vpc-disk");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.code, "InternalError");
  EXPECT_EQ(response.message, "write /secret/path");
  EXPECT_THAT(response.body, testing::Not(HasSubstr("secret")));
}

TEST_F(DispatcherTest, does_a_request_with_a_client_token_once) {
  const std::string_view text = "Action=CreateNetworkInterface&SubnetId=s&ClientToken=t&X-Amz-Date=1";
  const Response first = call(text);
  EXPECT_TRUE(first.changed);
  ASSERT_TRUE(first.remembered);
  EXPECT_EQ(first.remembered->operation, "CreateNetworkInterface");
  const Response again = call("X-Amz-Date=2&ClientToken=t&SubnetId=s&Action=CreateNetworkInterface");
  EXPECT_EQ(again.body, first.body);
  EXPECT_FALSE(again.changed);
  EXPECT_FALSE(again.remembered);
  EXPECT_EQ(interfaces_made, 1);
  EXPECT_EQ(call("Action=CreateNetworkInterface&SubnetId=other&ClientToken=t").code,
            "IdempotentParameterMismatch");
}

TEST_F(DispatcherTest, forgets_client_tokens_after_a_day_or_when_told) {
  const std::string_view text = "Action=CreateNetworkInterface&SubnetId=s&ClientToken=t";
  const Response first = call(text);
  EXPECT_TRUE(call(text, "ec2", WallTime{IdempotencyTable::kLifetimeMilliseconds}).changed);
  tokens_.erase(*first.remembered);
  EXPECT_TRUE(call(text).changed);
}

TEST_F(DispatcherTest, does_not_count_a_dry_run_as_a_use_of_the_token) {
  EXPECT_EQ(call("Action=CreateNetworkInterface&SubnetId=s&ClientToken=t&DryRun=true").code,
            "DryRunOperation");
  EXPECT_TRUE(call("Action=CreateNetworkInterface&SubnetId=s&ClientToken=t").changed);
}

TEST(IdempotencyTable, is_bounded) {
  IdempotencyTable table;
  for (std::size_t i = 0; i <= IdempotencyTable::kRecordsMax; ++i) {
    const WallTime now{static_cast<std::int64_t>(i)};
    table.put({"r", "o", std::to_string(i)}, {1, "x", now}, now);
  }
  EXPECT_EQ(table.records().size(), IdempotencyTable::kRecordsMax);
  EXPECT_EQ(table.find({"r", "o", "0"}, {}), nullptr);
  EXPECT_NE(table.find({"r", "o", "1"}, {}), nullptr);
}

}  // namespace
}  // namespace enid::api
