// DeviceFacts: which interfaces a user's own device may serve (`enid device`), by the records of the control
// plane.
//
// Chosen: an interface that is available, or attached to an instance that is stopped; EC2 has no such thing.
#pragma once

#include "control/control_plane.h"
#include "instances/device_server.h"

namespace enid::apps {

// `plane` outlives the answer's use.
instances::DeviceServer::Facts device_facts(control::ControlPlane& plane);

}  // namespace enid::apps
