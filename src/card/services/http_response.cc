#include "card/services/http_response.h"

#include <fmt/format.h>

#include <array>

namespace enid::card {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t kSecondsPerDay = 86'400;

std::string_view reason_of(HttpStatus status) {
  switch (status) {
    case HttpStatus::kOk:
      return "OK";
    case HttpStatus::kBadRequest:
      return "Bad Request";
    case HttpStatus::kUnauthorized:
      return "Unauthorized";
    case HttpStatus::kForbidden:
      return "Forbidden";
    case HttpStatus::kNotFound:
      return "Not Found";
    case HttpStatus::kMethodNotAllowed:
      return "Method Not Allowed";
    case HttpStatus::kContentTooLarge:
      return "Request Entity Too Large";
    case HttpStatus::kNotImplemented:
      return "Not Implemented";
  }
  return "";
}

struct CivilDate {
  std::int64_t year = 1970;
  std::size_t month = 0;  // From 0.
  std::int64_t day = 1;
};

bool is_leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

// `days` since 1970-01-01, not negative.
CivilDate civil_date(std::int64_t days) {
  constexpr std::array<std::int64_t, 12> kMonthDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  constexpr std::int64_t kDaysIn400Years = 146'097;
  CivilDate date;
  date.year += days / kDaysIn400Years * 400;
  days %= kDaysIn400Years;
  for (std::int64_t length = 365; days >= (length = is_leap(date.year) ? 366 : 365); ++date.year)
    days -= length;
  for (;; ++date.month) {
    const std::int64_t length = kMonthDays[date.month] + (date.month == 1 && is_leap(date.year) ? 1 : 0);
    if (days < length) break;
    days -= length;
  }
  date.day += days;
  return date;
}

}  // namespace

std::string http_date(WallTime time) {
  const std::int64_t seconds = time.milliseconds_since_epoch < 0 ? 0 : time.seconds_since_epoch();
  const std::int64_t days = seconds / kSecondsPerDay;
  const std::int64_t rest = seconds % kSecondsPerDay;
  const CivilDate date = civil_date(days);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(days % 7)],
                     date.day, kMonths[date.month], date.year, rest / 3600, rest / 60 % 60, rest % 60);
}

HttpResponse HttpResponse::error(HttpStatus status) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/html";
  const std::string title = fmt::format("{} - {}", static_cast<unsigned>(status), reason_of(status));
  // Observed: the page that EC2's service answers with, which some clients match.
  response.body = fmt::format(
      "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
      "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
      "\t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
      "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"
      " <head>\n  <title>{0}</title>\n </head>\n <body>\n  <h1>{0}</h1>\n </body>\n</html>\n",
      title);
  return response;
}

std::string HttpResponse::text(WallTime now) const {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", static_cast<unsigned>(status), reason_of(status));
  if (token_seconds_left > 0)
    head += fmt::format("X-Aws-Ec2-Metadata-Token-Ttl-Seconds: {}\r\n", token_seconds_left);
  if (status == HttpStatus::kMethodNotAllowed) head += "Allow: OPTIONS, GET, HEAD, PUT\r\n";
  if (status == HttpStatus::kOk) head += "Accept-Ranges: none\r\n";
  head += fmt::format(
      "Content-Type: {}\r\nContent-Length: {}\r\nDate: {}\r\nServer: EC2ws\r\nConnection: {}\r\n\r\n",
      content_type, body.size(), http_date(now), keep_alive ? "keep-alive" : "close");
  if (!without_body) head += body;
  return head;
}

}  // namespace enid::card
