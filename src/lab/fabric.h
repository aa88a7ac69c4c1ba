// Fabric: the network of a lab as namespaces and links of the kernel.
//
// Theory of operation
//   Namespaces first, then each link with both its ends, then each host's routes over all its links. Every
//   step can be done again, so a link that was down comes back by connecting it again. What is built is found
//   by its name alone: removing needs no record.
//
// Invariants
//   (1) Nothing is made in the machine's own network namespace.
//   (2) Paths: a flow is its two addresses, its protocol and its two ports (fib_multipath_hash_policy 1).
//   (3) A host leaves out a link whose cable is pulled. A spine that has lost a host does not tell the other
//   hosts, as nobody routes dynamically here: their packets that way are lost.
//
// Sources: Documented: Linux, Documentation/networking/ip-sysctl.rst.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "lab/fabric_plan.h"

namespace enid::lab {

class Fabric {
 public:
  explicit Fabric(FabricPlan plan) : plan_(std::move(plan)) {}

  Result<void> create_namespaces() const;
  Result<void> connect_links() const;
  Result<void> route_hosts() const;
  // The link is as this says, but for delay and loss, which are a forwarder's: it only has the packets cut.
  Result<void> apply(LinkId link, const Impairment& impairment) const;
  // Of links whose forwarder has died.
  Result<void> stop_redirecting(LinkId link) const;

  // What is there by name, whatever the plan says.
  static std::vector<std::string> namespaces(const std::string& lab_name);
  static Result<void> remove(const std::vector<std::string>& namespaces);

 private:
  Result<void> connect_host_end(LinkId link) const;
  Result<void> connect_spine_end(LinkId link) const;
  Result<void> apply_at(const std::string& network, const std::string& device,
                        const Impairment& impairment) const;

  FabricPlan plan_;
};

}  // namespace enid::lab
