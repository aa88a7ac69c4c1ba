// RuntimeAction: what a call asks of the instance runtime, as a value.
//
// Theory of operation
//   A handler changes records and names the action; the control plane runs it after the
//   change is made, one action of an instance after the other, and writes the outcome back into the
//   model (control/instance_lifecycle.h). `awaited`: the answer to the call waits for it.
//   Attach and detach name the attachment, not only the interface: when their turn comes, the
//   interface may be attached elsewhere, and then they have nothing to do.
#pragma once

#include <cstdint>

#include "base/resource_id.h"

namespace enid::control {

enum class RuntimeActionKind : std::uint8_t {
  kStart,
  kAdopt,
  kStop,
  kReboot,
  kRemove,
  kAttach,
  kDetach,
  kDiscard,  // Remove what is left of it on a host where it is no more.
};

struct RuntimeAction {
  RuntimeActionKind kind = RuntimeActionKind::kStart;
  InstanceId instance;
  HostId host = {};                   // Empty: where the instance's files are.
  NetworkInterfaceId interface = {};  // Attach and detach.
  AttachmentId attachment = {};       // Attach and detach.
  bool force = false;                 // Stop.
  bool awaited = false;
};

}  // namespace enid::control
