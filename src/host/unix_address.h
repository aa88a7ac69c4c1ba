// The address of a Unix socket by its file's path, and by a name in an open folder, which is always short
// enough.
//
// Documented: unix(7): a path of at most 107 characters.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <string>

#include "base/result.h"

namespace enid::host {

// Refused with filename_too_long.
inline Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return failure(std::make_error_code(std::errc::filename_too_long),
                   path + " is too long for a socket's path (107 characters)");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// `folder` is a descriptor, open as long as the address is used.
inline Result<sockaddr_un> unix_address_in(int folder, const std::string& name) {
  return unix_address("/proc/self/fd/" + std::to_string(folder) + "/" + name);
}

}  // namespace enid::host
