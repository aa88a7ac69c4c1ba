// Gateway: an HTTP request becomes a call, and what came of it an HTTP answer. A list of steps.
//
// Theory of operation
//   handle() runs on the listener's thread: it reads the form, finds out who calls and which
//   service and Region are meant (the credential scope says so, so one port serves them all),
//   and hands the call to the control thread. The answer leaves when the control plane says that
//   all of it is true (control/control_plane.h).
//
// Invariants
//   (1) Every request is answered once, with a request id.
//   (2) Nothing of an unauthenticated request reaches the control thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/access_keys.h"
#include "api/dispatcher.h"
#include "api/http_message.h"
#include "api/protocol/sigv4.h"
#include "base/random.h"
#include "control/control_plane.h"

namespace enid::api {

struct GatewayOptions {
  bool auth_none = false;      // Any key is believed; the scope still chooses service and Region.
  bool strict_images = false;  // See api/ec2/images.h.
  std::uint64_t seed = 1;      // Of request ids.
};

class Gateway {
 public:
  using Respond = std::function<void(HttpResponse)>;
  using Clock = std::function<WallTime()>;

  Gateway(control::ControlPlane& plane, Dispatcher& dispatcher, IdempotencyTable& tokens,
          const AccessKeys& keys, Clock clock, GatewayOptions options);

  // The listener's thread.
  void handle(HttpRequest request, Respond respond);

 private:
  struct Scope {
    std::string access_key_id;
    std::string region;
    std::string service;
  };

  Result<Scope> authenticate(const HttpRequest& request);
  Result<protocol::Form> parameters_of(const HttpRequest& request);
  void call(const Scope& scope, protocol::Form parameters, std::string request_id, Respond respond);
  HttpResponse refuse(const HttpRequest& request, const Error& error, const std::string& request_id) const;

  control::ControlPlane& plane_;
  Dispatcher& dispatcher_;
  IdempotencyTable& tokens_;  // The control thread's.
  const AccessKeys& keys_;
  Clock clock_;
  GatewayOptions options_;
  protocol::SignatureVerifier verifier_;
  Random random_;
};

// Client tokens outlive a restart: what the store remembers, for the table of a new process.
void restore_client_tokens(const control::ControlPlane::Regions& regions, IdempotencyTable& tokens,
                           WallTime now);

}  // namespace enid::api
