// Amazon resource names: "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-0a1b…".
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace enid::api::ec2 {

// The partition that a Region belongs to. Documented: AWS General Reference, "ARN format".
inline std::string_view partition_of(std::string_view region) {
  if (region.starts_with("cn-")) return "aws-cn";
  if (region.starts_with("us-gov-")) return "aws-us-gov";
  return "aws";
}

inline std::string ec2_arn(std::string_view region, std::string_view account, std::string_view type,
                           std::string_view id) {
  return fmt::format("arn:{}:ec2:{}:{}:{}/{}", partition_of(region), region, account, type, id);
}

}  // namespace enid::api::ec2
