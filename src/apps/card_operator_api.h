// CardOperatorApi: what `enid card` answers on STATE/enid.sock, about its own host.
//
//   GET    /status                 the card, and the interfaces that are here with their counters
//   POST   /trace                  one marked packet through the card's stages
//   GET    /capture?interfaces=…   a pcapng stream
//   GET    /place?names=…          everything that it knows is here
//   POST   /shutdown               stops the instances, too
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "apps/operator_answers.h"
#include "cluster/card_agent.h"
#include "host/card_worker.h"

namespace enid::apps {

class CardOperatorApi {
 public:
  struct Parts {
    HostId host;
    host::CardWorker& worker;
    cluster::CardAgent& agent;
    std::string api;
    std::string state;
    std::function<void()> shut_down;
  };

  explicit CardOperatorApi(Parts parts);
  void handle(const OperatorRequest& request, OperatorAnswer& answer);

 private:
  void dispatch(const OperatorRequest& request, OperatorAnswer& answer);
  void status(OperatorAnswer& answer);
  void trace(const OperatorRequest& request, OperatorAnswer& answer);
  void capture(const OperatorRequest& request, OperatorAnswer& answer);
  void places(const OperatorRequest& request, OperatorAnswer& answer);
  // The interfaces that are on this host.
  std::vector<contract::InterfaceProgram> interfaces() const;
  // By its own id, or by its instance's for eth0.
  std::optional<contract::InterfaceProgram> find(const std::string& name) const;

  Parts parts_;
  Instant started_;
};

}  // namespace enid::apps
