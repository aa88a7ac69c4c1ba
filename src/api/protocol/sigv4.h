// SigV4: who signed this request, checked.
//
// Theory of operation
//   A request carries its signature in the Authorization header, or as a presigned URL in its
//   query. Both name a credential scope (key, day, Region, service); the signature is made again
//   from the request's canonical form and compared in constant time. Signing keys are kept for a
//   while: they change only once a day.
//
// Documented: IAM User Guide, "AWS Signature Version 4 for API requests", "Create a signed
// request", "Troubleshoot". Codes and texts of refusals follow the service's habits: EC2 says
// AuthFailure for keys and signatures alike, STS says which of them was wrong.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "api/http_message.h"
#include "base/result.h"
#include "base/time.h"

namespace enid::api::protocol {

struct Credential {
  std::string access_key_id;
  std::string date;  // "20261121"
  std::string region;
  std::string service;
};

// The secret of an access key; empty when there is no such key.
using SecretOf = std::function<std::optional<std::string>(std::string_view access_key_id)>;

// The credential that the request claims, unchecked; empty when it claims none.
std::optional<Credential> claimed_credential(const HttpRequest& request);

class SignatureVerifier {
 public:
  // The credential that signed the request. Refuses with AWS's own code.
  Result<Credential> verify(const HttpRequest& request, const SecretOf& secret_of, WallTime now);

 private:
  using Key = std::array<std::uint8_t, 32>;
  const Key& signing_key(const Credential& credential, const std::string& secret);

  static constexpr std::size_t kKeysMax = 1024;
  std::map<std::string, Key> keys_;
};

}  // namespace enid::api::protocol
