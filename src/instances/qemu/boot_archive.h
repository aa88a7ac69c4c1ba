// Boot archive: a guest's own files, as a second initramfs behind the one that all share.
//
// Theory of operation
//   The kernel unpacks every archive it finds in the initrd into one tree, later files replacing
//   earlier ones. So an instance's initrd is the shared root.cpio.zst followed by a small
//   archive in the "newc" form of cpio: the agent, the host's name, user data.
//
// Sources: Documented: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace enid::instances {

struct BootFile {
  std::string path;  // From the root, without the first '/'; its folders are in the archive too.
  std::string content;
  std::uint32_t mode = 0644;
};

// The folders above a file must exist or be made by it: "etc/enid/hostname" brings "etc/enid".
std::string write_boot_archive(const std::vector<BootFile>& files);

// Writes `shared`, padded, and the archive to `output`, which is replaced in one go.
Result<void> write_initrd(const std::string& shared, const std::vector<BootFile>& files,
                          const std::string& output);

struct GuestIdentity {
  std::string hostname;
  std::string user_data;       // Run if it begins with "#!", once in the life of a disk; may be empty.
  std::string authorized_key;  // Or empty.
  std::string machine = {};    // Its size, for the console; or empty.
};

// What tools/guest/root/boot and tools/guest/root/interfaces look for; `agent` is the program's path.
Result<std::vector<BootFile>> guest_boot_files(const GuestIdentity& identity, const std::string& agent);

}  // namespace enid::instances
