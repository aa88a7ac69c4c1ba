#include "api/protocol/base64.h"

#include <gtest/gtest.h>

namespace enid::api::protocol {
namespace {

// RFC 4648, section 10.
TEST(Base64, agrees_with_the_rfcs_examples) {
  for (const auto& [bytes, text] : {std::pair("", ""),
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(write_base64(bytes), text);
    EXPECT_EQ(parse_base64(text), bytes);
  }
}

TEST(Base64, takes_line_breaks_and_missing_padding) {
  EXPECT_EQ(parse_base64("Zm9v\r\nYg=="), "foob");
  EXPECT_EQ(parse_base64("Zm9vYg"), "foob");
}

TEST(Base64, refuses_other_text) {
  for (const std::string_view text : {"Zm9vY", "Zm 9v", "Zm9v=", "Zg==Zg==", "Zm9-", "===="})
    EXPECT_FALSE(parse_base64(text)) << text;
}

}  // namespace
}  // namespace enid::api::protocol
