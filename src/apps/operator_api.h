// OperatorApi: what the daemon answers on STATE/enid.sock; the commands of the CLI ask it.
//
//   GET    /environment            endpoint and the first access key
//   GET    /status                 the daemon, its instances and interfaces with their counters
//   GET    /keys   POST /keys      list; create (empty body) or import
//   DELETE /keys/<id>
//   POST   /trace                  one marked packet through the card's stages
//   GET    /capture?interfaces=…   a pcapng stream of this machine's card
//   GET    /place?names=…          on which hosts instances and interfaces are, and in which state folders
//   GET    /hosts  POST /hosts     all hosts; credentials for one
//   DELETE /hosts/<id>             it may not join any more, and is forgotten
//   POST   /shutdown
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "api/access_keys.h"
#include "apps/host_registry.h"
#include "apps/operator_answers.h"
#include "apps/operator_http.h"
#include "cluster/card_server.h"
#include "control/control_plane.h"
#include "host/card_worker.h"

namespace enid::apps {

class OperatorApi {
 public:
  struct Parts {
    control::ControlPlane& plane;
    host::CardWorker* worker;  // Null: this machine has no card of the daemon's.
    cluster::CardServer& cards;
    HostRegistry& registry;
    api::AccessKeys& keys;
    std::string endpoint;
    std::string state;
    std::function<void()> shut_down;

    // Whether it is the daemon's own card. Without one, any card may have that name.
    bool is_own(const HostId& host) const {
      return worker != nullptr && host.text() == control::kLocalHostName;
    }
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
  Result<contract::TraceReport> trace_over_hosts(control::CardLink& first,
                                                 const control::TraceRequest& request) const;
  void capture(const OperatorRequest& request, OperatorAnswer& answer);
  void places(const OperatorRequest& request, OperatorAnswer& answer);
  control::CardLink* card_of(const HostId& host) const;  // Null: it has none, or has not come yet.

  Parts parts_;
  Instant started_;
  std::mutex keys_mutex_;  // One change of the keys at a time.
};

// What is asked about hosts (operator_hosts.cc).
Json known_hosts(const OperatorApi::Parts& parts);
void add_host(const OperatorApi::Parts& parts, const OperatorRequest& request, OperatorAnswer& answer);
void remove_host(const OperatorApi::Parts& parts, const std::string& host, OperatorAnswer& answer);
// To a host as enid status tells it: since when it is connected, and which program it has.
void add_connection(const OperatorApi::Parts& parts, Json& host);
// "state" and "same_machine" of a host.
void add_folder(const OperatorApi::Parts& parts, const HostId& host, Json& json);
// This machine's first, when it has one; then those that are connected.
std::vector<control::CardLink*> cards_of(const OperatorApi::Parts& parts);
std::vector<contract::CardReport> reports_of(const std::vector<control::CardLink*>& cards);

}  // namespace enid::apps
