// Daemon: one process that is a whole EC2 endpoint, as a list of parts.
//
// Theory of operation
//   create() builds the parts from the store up to the HTTP listener, each one handed what it
//   needs; when it answers, the daemon is healthy. stop() ends them in the opposite order:
//   first no new calls, then the instances, last the store. If the process is killed instead,
//   the instances stay and the next daemon on the same state adopts them.
//
// Invariant: nothing outside apps/ knows of this class; no part reaches another but through
// what create() gave it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "apps/card_rules.h"
#include "apps/state_folder.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "control/host_settings.h"

namespace enid::apps {

struct DaemonOptions {
  StateFolder folder{kDefaultState};
  std::string host = "127.0.0.1";
  std::uint16_t port = 4566;
  bool auth_none = false;
  bool strict_images = false;
  std::uint64_t seed = 0;  // 0: from the system's randomness.
  control::NetworkCardRequest network_cards = {};
  bool with_card = true;  // False: no instances on this machine.
  CardRules rules = {};
  std::optional<Ipv4Address> underlay_address = {};  // Where cards of other hosts reach this machine's.
  std::string cards_listen;                          // "HOST:PORT" for cards, by TLS; empty: none.
};

class Daemon {
 public:
  // Takes the state's lock. Refused, with a message for people, when a part cannot start.
  static Result<std::unique_ptr<Daemon>> create(const DaemonOptions& options);
  ~Daemon();

  std::string endpoint() const;
  std::uint16_t cards_port() const;  // Where cards come by TLS; 0: nowhere.
  // Returns when an operator asked for `enid down`, or SIGINT or SIGTERM came.
  void wait_for_shutdown();
  // Ends everything, instances of this machine too; those of other hosts go on. The state stays.
  void stop();

 private:
  struct Parts;
  explicit Daemon(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::apps
