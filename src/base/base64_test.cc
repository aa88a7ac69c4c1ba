#include "base/base64.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace enid {
namespace {

TEST(Base64, knows_the_vectors_of_rfc_4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Base64, reads_back_what_it_wrote) {
  Random random(3);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random.below(256));
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
}

TEST(Base64, refuses_what_is_none) {
  for (const char* text : {"Z", "Zg==Zg", "!!!!", "Zm9v\x01", "=Zg"})
    EXPECT_FALSE(base64_decode(text)) << text;
  EXPECT_EQ(base64_decode("Zm9v\nYmFy\n"), "foobar");
}

}  // namespace
}  // namespace enid
