// CardClient: keeps a card's stream to the control plane open, for as long as it lives.
//
// Theory of operation
//   A thread opens a stream, hands it to the agent, waits until it ends, and tries again, after a while that
//   grows to kRetryMax. Over TLS the control plane must have a certificate of the credentials' own authority.
//
// Chosen: 0.1 s to 2 s from attempt to attempt, so that after an outage of the control plane all cards are
// back within seconds.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "cluster/card_agent.h"
#include "cluster/credentials.h"

namespace enid::cluster {

struct CardClientOptions {
  std::string target;                          // "unix:/var/lib/enid/cards.sock" or "HOST:PORT".
  std::optional<HostCredentials> credentials;  // For TCP.
  Duration retry_first = Duration::from_milliseconds(100);
  Duration retry_max = Duration::from_seconds(2);
};

class CardClient {
 public:
  // Told when a stream ended or could not be opened; `refused`: the control plane will not have this card, as
  // it is. On the client's thread; it goes on trying.
  using Ended = std::function<void(const Error& why, bool refused)>;

  CardClient(CardClientOptions options, CardAgent& agent, Ended ended);
  // Ends the stream and the thread.
  ~CardClient();
  CardClient(const CardClient&) = delete;
  CardClient& operator=(const CardClient&) = delete;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::cluster
