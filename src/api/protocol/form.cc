#include "api/protocol/form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "vpc/ec2_error.h"

namespace enid::api::protocol {
namespace {

int hexadecimal(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      plain += ' ';
    } else if (text[i] == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hexadecimal(text[i + 1]);
      const int low = hexadecimal(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      plain += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

Result<Form> parse_form(std::string_view text) {
  Form form;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    if (form.size() == kParametersMax)
      return vpc::ec2_failure("InvalidRequest",
                              fmt::format("The request has more than {} parameters", kParametersMax));
    const std::size_t equals = pair.find('=');
    std::optional<std::string> name = decode(pair.substr(0, equals));
    std::optional<std::string> value =
        equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1));
    if (!name || !value)
      return vpc::ec2_failure("MalformedQueryString", "The query string contains a syntax error");
    form.push_back({*std::move(name), *std::move(value)});
  }
  return form;
}

const std::string* find_parameter(const Form& form, std::string_view name) {
  const auto found = std::ranges::find(form, name, &Parameter::name);
  return found == form.end() ? nullptr : &found->value;
}

bool is_common_parameter(std::string_view name) {
  // Documented: "Common query parameters for Amazon EC2"; the last ones are signature version 2's.
  constexpr std::array<std::string_view, 9> kNames{"Action",    "Version",         "AWSAccessKeyId",
                                                   "Signature", "SignatureMethod", "SignatureVersion",
                                                   "Timestamp", "Expires",         "SecurityToken"};
  return name.starts_with("X-Amz-") || std::ranges::find(kNames, name) != kNames.end();
}

}  // namespace enid::api::protocol
