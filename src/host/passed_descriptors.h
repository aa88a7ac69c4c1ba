// Descriptors that travel with a message over a Unix socket.
//
//   Documented: unix(7), SCM_RIGHTS; cmsg(3).
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "host/unique_fd.h"

namespace enid::host {

// Room for what comes or goes with one message.
template <std::size_t kMost>
class PassedDescriptors {
 public:
  // For recvmsg(): as many as there is room for.
  void make_room(msghdr& header) {
    header.msg_control = bytes_.data();
    header.msg_controllen = bytes_.size();
  }

  // For sendmsg(). `fds` are at most kMost.
  void attach(std::span<const int> fds, msghdr& header) {
    if (fds.empty()) return;
    header.msg_control = bytes_.data();
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }

  // What came with `header`, owned.
  static std::vector<UniqueFd> take(msghdr& header) {
    std::vector<UniqueFd> taken;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
      if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
        taken.emplace_back(fd);
      }
    }
    return taken;
  }

 private:
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMost * sizeof(int))> bytes_{};
};

}  // namespace enid::host
