#include "base/resource_id.h"

#include <gtest/gtest.h>

namespace enid {
namespace {

TEST(ResourceId, is_made_in_the_form_it_reads) {
  Random random(7);
  const auto id = NetworkInterfaceId::make(random);
  EXPECT_EQ(NetworkInterfaceId::parse(id.text()), id);
  EXPECT_EQ(id.text().size(), std::string("eni-").size() + 17);
}

TEST(ResourceId, refuses_another_kind_and_malformed_text) {
  for (const char* wrong : {"", "eni", "eni-", "eni-123", "eni-0123456789ABCDEF0", "subnet-0123456789abcdef0",
                            "eni-0123456789abcdef01"})
    EXPECT_FALSE(NetworkInterfaceId::parse(wrong)) << wrong;
  EXPECT_TRUE(NetworkInterfaceId::parse("eni-0123abcd")) << "ids of before 2018 have 8 digits";
}

}  // namespace
}  // namespace enid
