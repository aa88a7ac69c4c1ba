// What both runtimes answer from an instance's folder, and the end of all instances of one.
#pragma once

#include <string>
#include <vector>

#include "control/instance_runtime.h"

namespace enid::instances {

// The last 64 KiB of a console's log.
Result<control::ConsoleOutput> read_console(const std::string& path);

// The instances that have a folder there, in order.
std::vector<InstanceId> instances_in(const std::string& folder);

// Stops each of `ids`; `done` gets one of the failures, if any.
void stop_every(control::InstanceRuntime& runtime, const std::vector<InstanceId>& ids,
                control::InstanceRuntime::Done done);

}  // namespace enid::instances
