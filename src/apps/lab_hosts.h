// What runs on the hosts of a lab: one daemon for all, in the machine's own network namespace, and in each
// host's namespace a card, which finds the daemon by the socket in its state folder.
//
// Invariants
//   (1) A daemon that ran before is used, and left running. (2) What is started is in the record before it
//   runs (the daemon) or at once after (cards, which are also found by their namespace).
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "lab/lab_record.h"

namespace enid::apps {

using TellLine = std::function<void(const std::string& line)>;

// Returns when the daemon knows every host.
Result<void> start_lab_hosts(lab::LabRecord& record, const std::string& program, const std::string& listen,
                             const TellLine& tell);
// Ends the daemon with all instances, if the lab started it; cards are processes of the record.
void stop_lab_hosts(const lab::LabRecord& record, const std::string& program, const TellLine& tell);

}  // namespace enid::apps
