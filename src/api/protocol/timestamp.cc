#include "api/protocol/timestamp.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace enid::api::protocol {
namespace {

constexpr std::int64_t kMillisecondsPerDay = 86'400'000;
constexpr double kSecondsMax = 253'402'300'799;  // The end of the year 9999.

struct Date {
  std::int64_t year;
  int month;
  int day;
};

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that a
// leap day is a year's last.
std::int64_t days_since_epoch(Date date) {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

Date date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t march_month = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * march_month + 2) / 5 + 1);
  const int month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

int days_in_month(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool accept(char letter) {
    if (rest_.empty() || rest_.front() != letter) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `digits` digits, of a number within [low, high].
  std::optional<int> number(std::size_t digits, int low, int high) {
    if (rest_.size() < digits) return std::nullopt;
    int value = 0;
    for (const char letter : rest_.substr(0, digits)) {
      if (letter < '0' || letter > '9') return std::nullopt;
      value = value * 10 + (letter - '0');
    }
    rest_.remove_prefix(digits);
    return value < low || value > high ? std::nullopt : std::optional(value);
  }
  // The digits after a point, as milliseconds.
  std::optional<int> fraction() {
    int milliseconds = 0;
    int weight = 100;
    std::size_t digits = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9' && digits < 9) {
      milliseconds += (rest_.front() - '0') * weight;
      weight /= 10;
      ++digits;
      rest_.remove_prefix(1);
    }
    return digits == 0 ? std::nullopt : std::optional(milliseconds);
  }
  // Minutes east of UTC.
  std::optional<int> zone() {
    if (accept('Z') || accept('z')) return 0;
    const bool east = accept('+');
    if (!east && !accept('-')) return std::nullopt;
    const auto hours = number(2, 0, 23);
    accept(':');
    const auto minutes = number(2, 0, 59);
    if (!hours || !minutes) return std::nullopt;
    return (east ? 1 : -1) * (*hours * 60 + *minutes);
  }

 private:
  std::string_view rest_;
};

std::optional<WallTime> parse_seconds(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(seconds >= 0 && seconds <= kSecondsMax)) return std::nullopt;
  return WallTime{static_cast<std::int64_t>(std::llround(seconds * 1000))};
}

}  // namespace

std::string write_timestamp(WallTime time) {
  std::int64_t days = time.milliseconds_since_epoch / kMillisecondsPerDay;
  std::int64_t rest = time.milliseconds_since_epoch % kMillisecondsPerDay;
  if (rest < 0) {
    --days;
    rest += kMillisecondsPerDay;
  }
  const Date date = date_of(days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", date.year, date.month, date.day,
                     rest / 3'600'000, rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
}

std::optional<WallTime> parse_timestamp(std::string_view text) {
  if (text.find('T') == std::string_view::npos) return parse_seconds(text);
  Reader reader(text);
  const auto year = reader.number(4, 0, 9999);
  if (!year || !reader.accept('-')) return std::nullopt;
  const auto month = reader.number(2, 1, 12);
  if (!month || !reader.accept('-')) return std::nullopt;
  const auto day = reader.number(2, 1, days_in_month(*year, *month));
  if (!day || !reader.accept('T')) return std::nullopt;
  const auto hour = reader.number(2, 0, 23);
  if (!hour || !reader.accept(':')) return std::nullopt;
  const auto minute = reader.number(2, 0, 59);
  if (!minute || !reader.accept(':')) return std::nullopt;
  const auto second = reader.number(2, 0, 59);
  if (!second) return std::nullopt;
  int milliseconds = 0;
  if (reader.accept('.')) {
    const auto fraction = reader.fraction();
    if (!fraction) return std::nullopt;
    milliseconds = *fraction;
  }
  const auto zone = reader.zone();
  if (!zone || !reader.done()) return std::nullopt;
  const std::int64_t minutes = days_since_epoch({*year, *month, *day}) * 1440 + *hour * 60 + *minute - *zone;
  return WallTime{(minutes * 60 + *second) * 1000 + milliseconds};
}

}  // namespace enid::api::protocol
