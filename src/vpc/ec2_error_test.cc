#include "vpc/ec2_error.h"

#include <gtest/gtest.h>

namespace enid::vpc {
namespace {

TEST(Ec2Error, carries_its_code_and_message) {
  const Result<int> result = ec2_failure("InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist");
  ASSERT_FALSE(result);
  EXPECT_EQ(ec2_code(result.error()), "InvalidVpcID.NotFound");
  EXPECT_EQ(result.error().message, "The vpc ID 'vpc-1' does not exist");
  EXPECT_TRUE(result.error().code);
}

TEST(Ec2Error, of_the_same_code_compares_equal) {
  EXPECT_EQ(ec2_error("DependencyViolation", "a").code, ec2_error("DependencyViolation", "b").code);
  EXPECT_NE(ec2_error("DependencyViolation", "a").code, ec2_error("InvalidParameterValue", "a").code);
}

TEST(Ec2Error, of_another_category_is_internal) {
  const Error error{std::make_error_code(std::errc::no_space_on_device), "disk full"};
  EXPECT_EQ(ec2_code(error), "InternalError");
  EXPECT_FALSE(is_ec2_error(error));
}

TEST(Ec2Error, has_the_status_of_its_kind) {
  EXPECT_EQ(ec2_http_status("InvalidParameterValue"), 400);
  EXPECT_EQ(ec2_http_status("DryRunOperation"), 412);
  EXPECT_EQ(ec2_http_status("AuthFailure"), 401);
  EXPECT_EQ(ec2_http_status("UnauthorizedOperation"), 403);
  EXPECT_EQ(ec2_http_status("MissingAuthenticationToken"), 403);
  EXPECT_EQ(ec2_http_status("IncompleteSignature"), 400);
  EXPECT_EQ(ec2_http_status("RequestExpired"), 400);
  EXPECT_EQ(ec2_http_status("InternalError"), 500);
}

}  // namespace
}  // namespace enid::vpc
