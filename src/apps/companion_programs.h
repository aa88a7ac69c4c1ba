// The programs that stand beside enid: what prepares virtual machines, and what answers inside them.
#pragma once

#include <string>

namespace enid::apps {

// tools/guest/fetch.sh of the source tree that enid was built from; ENID_GUEST_FETCH names another.
std::string guest_fetch_program();
// This very program, also when its file has been replaced since.
std::string own_program();
// enid-guest-agent, in the folder of this program.
std::string guest_agent_program();

}  // namespace enid::apps
