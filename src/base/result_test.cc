#include "base/result.h"

#include <gtest/gtest.h>

namespace enid {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return failure(std::make_error_code(std::errc::invalid_argument), "odd");
  return n / 2;
}

Result<int> quarter(int n) { return TRY(half(TRY(half(n)))); }

TEST(Result, try_yields_the_value_also_when_nested) { EXPECT_EQ(quarter(12), 3); }

TEST(Result, try_returns_the_first_error) {
  ASSERT_FALSE(quarter(6));
  EXPECT_EQ(quarter(6).error().message, "odd");
}

}  // namespace
}  // namespace enid
