// MachineImage: what a machine starts from, kept in its own folder: its disk, and the kernel and the
// initramfs that fit what is on that disk.
//
// Theory of operation
//   The first start makes them from STATE/guest: the disk is a copy that takes no more than what has been
//   written to it (a clone where the file system can), the other two are links, which `enid guest fetch`
//   leaves alone when it puts newer ones in place. So an instance keeps the kernel whose modules it has, as
//   an instance keeps its AMI. Later starts find the disk as the guest left it.
//
// Invariants
//   (1) The disk is there whole or not at all, whenever whoever makes it is cut off, and it is last: when it
//       is there, so is the rest.
//   (2) Only the machine writes to the disk; it goes with the folder.
//
// Sources: Documented: EC2 User Guide, "Root volumes for your Amazon EC2 instances": what is on an EBS root
// volume stays over a stop. Chosen: no other instance or snapshot shares it, so it needs no layers.
#pragma once

#include <string>

#include "base/result.h"

namespace enid::instances {

// Their names in the machine's folder.
inline constexpr const char* kMachineKernel = "vmlinuz";
inline constexpr const char* kMachineBootArchive = "boot.cpio.zst";
inline constexpr const char* kMachineDisk = "disk";

// Makes them unless the disk is there; `guest` is STATE/guest.
Result<void> make_machine_image(const std::string& guest, const std::string& folder);

}  // namespace enid::instances
