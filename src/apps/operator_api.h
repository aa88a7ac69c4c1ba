// OperatorApi: what the daemon answers on STATE/enid.sock; the commands of the CLI ask it.
//
//   GET    /environment            endpoint and the first access key
//   GET    /status                 the daemon, its instances and interfaces with their counters
//   GET    /keys   POST /keys      list; create (empty body) or import
//   DELETE /keys/<id>
//   POST   /trace                  one marked packet through the card's stages
//   GET    /capture?interfaces=…   a pcapng stream
//   POST   /shutdown
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "api/access_keys.h"
#include "apps/operator_http.h"
#include "control/control_plane.h"
#include "host/card_worker.h"

namespace enid::apps {

class OperatorApi {
 public:
  struct Parts {
    control::ControlPlane& plane;
    host::CardWorker& worker;
    api::AccessKeys& keys;
    std::string endpoint;
    std::string state;
    std::function<void()> shut_down;
  };

  explicit OperatorApi(Parts parts);

  void handle(const OperatorRequest& request, OperatorAnswer& answer);

 private:
  void dispatch(const OperatorRequest& request, OperatorAnswer& answer);
  void environment(OperatorAnswer& answer);
  void status(OperatorAnswer& answer);
  void list_keys(OperatorAnswer& answer);
  void add_key(const OperatorRequest& request, OperatorAnswer& answer);
  void delete_key(const std::string& id, OperatorAnswer& answer);
  void trace(const OperatorRequest& request, OperatorAnswer& answer);
  void capture(const OperatorRequest& request, OperatorAnswer& answer);

  Parts parts_;
  Instant started_;
  std::mutex keys_mutex_;  // One change of the keys at a time.
};

}  // namespace enid::apps
