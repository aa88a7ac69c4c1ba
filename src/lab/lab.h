// Lab: several hosts on one machine: brings them up, changes what is wrong with their network, takes them
// down.
//
// Theory of operation
//   up() writes down what it is about to build, builds it, and starts what runs in it; what a crash leaves is
//   found by the record and by names, so down() removes all of it. A change is written down, applied to the
//   links by Fabric, and for delay and loss by a forwarder process for each spine: the old one hands over
//   what it still holds and ends, a new one begins. Spines that are not meant are not touched.
//
// Invariants
//   (1) A process is ended only when it is one that a lab started: by its recorded identity, or because it
//   runs enid inside a namespace of the lab. (2) One command at a time: every public function but status()
//   holds the lab's lock.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lab/fabric_plan.h"
#include "lab/lab_record.h"

namespace enid::lab {

// What a change says of links; what it does not say stays.
struct ImpairmentChange {
  std::string links;  // As parse_links takes it.
  std::optional<std::uint64_t> rate = {};
  std::optional<Duration> delay = {};
  std::optional<std::uint32_t> loss = {};
  std::optional<bool> down = {};
};

struct LabOptions {
  FabricPlan plan = {};
  std::vector<ImpairmentChange> changes = {};
  std::string program;  // This very program.
  bool network_only = true;
  std::string state = {};  // Of the daemon; without network_only.
  // Starts what runs on the hosts once the network is there, and writes down what it starts.
  std::function<Result<void>(LabRecord&)> start_hosts = {};
  // Ends what start_hosts started and the record does not hold as a process.
  std::function<void(const LabRecord&)> stop_hosts = {};
};

using Progress = std::function<void(const std::string& line)>;

struct LabRemains {
  std::size_t namespaces = 0;
  std::size_t processes = 0;
  // Of users, in namespaces that went: theirs to end.
  std::vector<std::string> left_alone = {};
};

// What was built of a lab that cannot be is removed again.
Result<LabRecord> bring_up(const LabOptions& options, const Progress& progress);
// `stop_hosts` as in LabOptions.
Result<LabRemains> take_down(const std::string& name, const Progress& progress,
                             const std::function<void(const LabRecord&)>& stop_hosts);
Result<LabRecord> change_links(const std::string& name, const ImpairmentChange& change,
                               const std::string& program);
// All links of it are as the plan has them.
Result<LabRecord> heal_links(const std::string& name, const std::string& links, const std::string& program);
// Refused when there is no lab of this name.
Result<LabRecord> read_lab(const std::string& name);

// The forwarder's process: runs until SIGTERM.
Result<void> run_forwarder(const std::string& name, std::uint16_t spine);

}  // namespace enid::lab
