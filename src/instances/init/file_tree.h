// The file tree of an instance: the host's programs, its own files, nothing of enid's.
//
// Theory of operation
//   Root is an overlay: the host's root below, the instance's own changes above
//   (root/upper), so that an instance has every tool the host has and can change or install
//   what it likes without the host noticing. Where the folder's file system cannot carry an
//   overlay (it is one itself, in a container), the changes live in memory instead and are
//   lost when the instance stops. Other file systems of the host (a separate /usr) are shown
//   read-only, by overlays too. Over that lie /proc and /sys of the instance's own namespaces, a small /dev,
//   an empty /run and /tmp, its own /root, and empty places where the host keeps secrets.
//
// Invariants
//   (1) Nothing below the `hidden` (states of enid) can be seen, and no unix socket of the host be reached.
//   (2) No device file works but those made here. Only /proc/sys/net can be written in /proc/sys.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace enid::instances {

struct FileTreeOptions {
  std::string folder;               // The instance's, absolute. See instance_folder.h.
  std::vector<std::string> hidden;  // Absolute.
  std::string hostname;
};

// Makes the tree and makes it this process's root. Needs a mount and a PID namespace of its own.
Result<void> enter_file_tree(const FileTreeOptions& options);

}  // namespace enid::instances
