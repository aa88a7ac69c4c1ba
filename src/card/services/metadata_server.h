// MetadataServer: what the instance metadata service (IMDS) answers to a request.
//
// Theory of operation
//   A session begins with PUT /latest/api/token, whose answer travels only as many hops as the
//   instance's owner allows. The token then accompanies every GET. Where tokens are optional a
//   GET may come without one (IMDSv1), but not with a wrong one. All dated versions answer as
//   `latest` does.
//
// Documented: EC2 User Guide, "Use the Instance Metadata Service to access instance metadata":
// response codes (400 bad token request, 401 no or invalid token, 403 not allowed or IMDS turned
// off, 404), TTL up to 21,600 s, PUT with X-Forwarded-For is refused, hop limit of PUT answers.
// Observed: headers and error pages. Chosen: dated versions differ in nothing.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "card/services/http_request.h"
#include "card/services/http_response.h"
#include "card/services/keyed_hash.h"
#include "card/services/metadata_token.h"
#include "card/services/service_packet.h"
#include "contract/card_program.h"

namespace enid::card {

class MetadataServer {
 public:
  struct Answer {
    std::string text;
    bool close = false;
    std::uint8_t time_to_live = kTimeToLive;
  };

  explicit MetadataServer(const ServiceSecret& secret) : tokens_(secret) {}

  // `read` must not be incomplete.
  Answer answer(WallTime now, const contract::InstanceProgram& instance, const HttpRead& read);

 private:
  HttpResponse respond(WallTime now, const contract::InstanceProgram& instance, const HttpRequest& request);
  HttpResponse give_token(WallTime now, const contract::InstanceProgram& instance,
                          const HttpRequest& request);
  HttpResponse get(WallTime now, const contract::InstanceProgram& instance, const HttpRequest& request);

  MetadataTokens tokens_;
};

}  // namespace enid::card
