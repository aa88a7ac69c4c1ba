// Network namespaces with names, as `ip netns` knows them: files in /run/netns, with a namespace mounted on
// each.
//
// Invariant: remove() takes the name only; the namespace goes with the last process and descriptor in it.
//
// Sources: Documented: ip-netns(8); network_namespaces(7).
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "host/unique_fd.h"

namespace enid::lab {

inline constexpr const char* kNamespaceFolder = "/run/netns";

// Refused when one of this name exists. It has a loopback device that is up.
Result<void> create_namespace(const std::string& name);
Result<host::UniqueFd> open_namespace(const std::string& name);
// Does nothing when there is none.
Result<void> remove_namespace(const std::string& name);
// Whatever lies in the folder, also what lost its mount in a crash.
std::vector<std::string> namespace_names();

// The living processes in each of these namespaces.
std::map<std::string, std::vector<pid_t>> processes_in(const std::vector<std::string>& names);

// For the namespace that this thread is in: "net.ipv4.ip_forward" and "1". False when this kernel has none
// such.
bool set_kernel_setting(const std::string& name, const std::string& value);

}  // namespace enid::lab
