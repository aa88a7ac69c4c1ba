// Form: the parameters of a request in the query protocols, from its body or its query string
// (application/x-www-form-urlencoded).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace enid::api::protocol {

struct Parameter {
  std::string name;
  std::string value;
};

using Form = std::vector<Parameter>;

inline constexpr std::size_t kParametersMax = 5000;

Result<Form> parse_form(std::string_view text);

// The first value of that name; null when there is none.
const std::string* find_parameter(const Form& form, std::string_view name);

// True for what every request may carry beside its operation's own parameters: Action, Version,
// and the signature's.
bool is_common_parameter(std::string_view name);

}  // namespace enid::api::protocol
