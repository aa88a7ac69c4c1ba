// What the processes of an instance may ask of the kernel they share with the host.
//
// Theory of operation
//   Instances have no user namespace of their own, so that their root owns files as a
//   machine's root does. What keeps root inside is therefore (a) the capabilities that are
//   left: those over its own files, processes and network, none over the machine; (b) a
//   filter of system calls for what no namespace covers: vsock and kernel keyrings; and for
//   the ways past the filter: io_uring and the 32-bit entries.
#pragma once

#include "base/result.h"

namespace enid::instances {

// For this process and all that it starts from now on.
Result<void> drop_privileges();

}  // namespace enid::instances
