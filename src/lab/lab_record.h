// LabRecord: what is known of a lab that is up: its plan, what is wrong with its links, and what it started.
//
// Theory of operation
//   A JSON file in /run/enid-lab, which a restart of the machine empties, as it does the lab. It is written
//   before anything is built and after each change, by a rename, so that a crash leaves the old one or the
//   new one.
//
// Invariant: one command at a time changes a lab: it holds a lock on the folder's file NAME.lock.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "host/unique_fd.h"
#include "instances/process_identity.h"
#include "lab/fabric_plan.h"

namespace enid::lab {

struct LabProcess {
  std::string role;  // "card host-2", "forwarder spine-1"
  instances::ProcessIdentity identity;
};

struct LabRecord {
  FabricPlan plan;
  bool network_only = false;
  std::string state = {};  // The daemon's folder; empty with network_only.
  bool daemon_is_ours = false;
  bool complete = false;  // Whether `up` got to its end.
  std::map<LinkId, Impairment> impairments = {};
  std::vector<LabProcess> processes = {};

  static Result<std::optional<LabRecord>> read(const std::string& name);
  static Result<void> remove(const std::string& name);
  Result<void> write() const;

  const Impairment& impairment(LinkId link) const;
  std::optional<instances::ProcessIdentity> process(const std::string& role) const;
  // Replaces one of the same role; nullopt takes it away.
  void set_process(const std::string& role, std::optional<instances::ProcessIdentity> identity);
};

// Waits until no other command changes the lab.
Result<host::UniqueFd> lock_lab(const std::string& name);
std::string lab_file(const std::string& name, const std::string& ending);

}  // namespace enid::lab
