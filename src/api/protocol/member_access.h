// How the interpreter reaches the members of a struct that it knows only by its shape.
#pragma once

#include <cstddef>
#include <optional>

#include "api/protocol/shape.h"

namespace enid::api::protocol {

inline const void* member_at(const void* structure, const Member& member) {
  return static_cast<const std::byte*>(structure) + member.offset;
}
inline void* member_at(void* structure, const Member& member) {
  return static_cast<std::byte*>(structure) + member.offset;
}

// `T` is the type that shape.h gives for the member's kind.
template <class T>
const T& member_as(const void* structure, const Member& member) {
  return *static_cast<const T*>(member_at(structure, member));
}
template <class T>
T& member_as(void* structure, const Member& member) {
  return *static_cast<T*>(member_at(structure, member));
}

}  // namespace enid::api::protocol
