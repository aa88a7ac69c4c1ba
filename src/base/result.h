// Result: how the control side says that the world said no.
//
// Theory of operation
//   A function that can be refused by the world (a bad request, a full disk, a lost peer)
//   returns Result<T>. TRY(expression) yields the value, or returns the error to the caller.
//   An Error is a std::error_code and a message for people. Each folder defines its own
//   enumeration of codes; errno fits too, so `base` knows nothing of any domain.
//
//   A bug is not an error: it is a CHECK (base/check.h). A packet that cannot go on is not an
//   error either: it is a drop reason (card/drop_reason.h).
#pragma once

#include <expected>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace enid {

struct Error {
  std::error_code code;
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> failure(std::error_code code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

// The last system call's errno as an error; `doing` says what was tried ("open /dev/net/tun").
std::unexpected<Error> errno_failure(std::string doing);

namespace result_detail {

template <class T>
std::unexpected<Error> take_error(std::expected<T, Error>& result) {
  return std::unexpected(std::move(result).error());
}

}  // namespace result_detail
}  // namespace enid

// Yields the value of a Result, or returns its error. SerenityOS's macro, as a GNU statement
// expression, because C++23 has no operator for it. The counter keeps nested TRYs apart.
#define TRY(expression) ENID_TRY_NAMED(expression, __COUNTER__)
#define ENID_TRY_NAMED(expression, number) ENID_TRY_NUMBERED(expression, number)
#define ENID_TRY_NUMBERED(expression, number) ENID_TRY_WITH(expression, try_result_##number)
#define ENID_TRY_WITH(expression, result_name)                               \
  __extension__({                                                            \
    auto result_name = (expression);                                         \
    if (!result_name) return ::enid::result_detail::take_error(result_name); \
    ::enid::result_detail::take_value(std::move(result_name));               \
  })

namespace enid::result_detail {

template <class T>
T take_value(std::expected<T, Error>&& result) {
  return *std::move(result);
}

inline void take_value(std::expected<void, Error>&&) {}

}  // namespace enid::result_detail
