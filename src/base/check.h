// CHECK: the program is wrong. Prints where and what, and aborts, in release builds too.
// Use it for what can only be a bug; for what the world may do, use Result (base/result.h).
#pragma once

namespace enid {

[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace enid

#define CHECK(condition)                                    \
  do {                                                      \
    if (!(condition)) [[unlikely]]                          \
      ::enid::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)
