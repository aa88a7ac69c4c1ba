#include "api/protocol/timestamp.h"

#include <gtest/gtest.h>

namespace enid::api::protocol {
namespace {

TEST(Timestamp, is_written_with_milliseconds) {
  EXPECT_EQ(write_timestamp(WallTime{0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(write_timestamp(WallTime{1'709'209'845'006}), "2024-02-29T12:30:45.006Z");
  EXPECT_EQ(write_timestamp(WallTime{-1}), "1969-12-31T23:59:59.999Z");
}

TEST(Timestamp, is_read_in_each_form_that_clients_write) {
  for (const auto& [text, milliseconds] : {std::pair("2024-02-29T12:30:45Z", 1'709'209'845'000),
                                           {"2024-02-29T12:30:45.006Z", 1'709'209'845'006},
                                           {"2024-02-29T12:30:45.006123Z", 1'709'209'845'006},
                                           {"2024-02-29T14:30:45+02:00", 1'709'209'845'000},
                                           {"2024-02-29T10:30:45-0200", 1'709'209'845'000},
                                           {"1709209845", 1'709'209'845'000}}) {
    const auto time = parse_timestamp(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(time->milliseconds_since_epoch, milliseconds) << text;
  }
}

TEST(Timestamp, is_refused_when_there_is_no_such_time) {
  for (const std::string_view text : {"", "yesterday", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z",
                                      "2024-01-01T24:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z",
                                      "2024-01-01T00:00:00Zx", "2024-01-01", "-1", "nan", "1e30"})
    EXPECT_FALSE(parse_timestamp(text)) << text;
}

TEST(Timestamp, survives_being_written_and_read) {
  for (std::int64_t day = -20'000; day < 60'000; day += 7) {
    const WallTime time{day * 86'400'000 + 12'345'678};
    EXPECT_EQ(parse_timestamp(write_timestamp(time)), time);
  }
}

}  // namespace
}  // namespace enid::api::protocol
