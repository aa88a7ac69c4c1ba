// The commands' way to ask the daemon: JSON there and back, and errors written for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "apps/state_folder.h"
#include "base/result.h"

namespace enid::apps {

// Refused when no daemon answers on this state, or when the daemon refuses; the message says which.
Result<nlohmann::json> ask_daemon(const StateFolder& folder, std::string_view method, std::string_view target,
                                  std::string_view body = {});

// The state folder of the card that carries what `name` means (an instance or a network interface), which may
// be that of another host on this machine. Refused, with the words to say it: it is on another machine.
Result<StateFolder> folder_with(const StateFolder& asked, const std::string& name);

// For a command that failed: "enid: message" on stderr; answers the exit status to end with.
int complain(const Error& error, int exit_status = 2);

// The message when nobody listens on a state's socket; asks whether it is only a matter of rights.
std::string no_daemon_message(const StateFolder& folder);

}  // namespace enid::apps
