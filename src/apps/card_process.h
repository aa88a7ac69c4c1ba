// CardProcess: `enid card`: one host of several, as a list of parts.
//
// Theory of operation
//   The card, the instances and their runtimes are those of `enid up` (card_host.h); what commands them is
//   the control plane, at the other end of a stream (cluster/card_agent.h). At the start the program that an
//   earlier process kept goes to the card; as soon as the control plane has said what changed since, or after
//   kWaitForControl without it, the instances that still run are taken over, and forward. While the control
//   plane is away everything goes on as it was. Ending the process (SIGTERM) leaves the instances running,
//   and their frames wait for the next process: that is what makes an upgrade of the card a short pause.
//   `enid down --state …` stops them, too.
//
// Chosen: kWaitForControl, as long as a pause that TCP gets over with one or two retransmissions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/card_rules.h"
#include "apps/state_folder.h"
#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/result.h"
#include "base/time.h"
#include "cluster/credentials.h"
#include "control/host_network_cards.h"

namespace enid::apps {

struct CardProcessOptions {
  StateFolder folder{kDefaultCardState};
  HostId host;
  std::string api;  // "unix:PATH" or "HOST:PORT".
  std::optional<cluster::HostCredentials> credentials;
  Ipv4Address underlay_address;
  std::vector<std::string> availability_zones;
  control::NetworkCardSettings network_cards;
  CardRules rules;
};

class CardProcess {
 public:
  static constexpr Duration kWaitForControl = Duration::from_seconds(2);

  // Takes the state's lock. Refused, with a message for people: a part cannot start, or the control plane
  // does not admit this host. A control plane that cannot be reached is no reason: it is tried again and
  // again.
  static Result<std::unique_ptr<CardProcess>> create(const CardProcessOptions& options);
  ~CardProcess();

  // Empty: the control plane has given the program. Else why it has not, yet.
  std::string waiting_for() const;
  // Returns when an operator asked for `enid down`, or SIGINT or SIGTERM came.
  void wait_for_shutdown();
  // Leaves the instances running, unless an operator asked for `enid down`.
  void stop();

 private:
  struct Parts;
  explicit CardProcess(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::apps
