// CardServer: where cards find the control plane: a Unix socket in the state folder, and TCP with mutual TLS.
//
// Theory of operation
//   A card opens one stream and says Hello. When its host is admitted, the RemoteHost of that name gets the
//   stream, and the control plane hears that the host has joined. A RemoteHost stays when its stream ends,
//   and takes the next one. Over TLS a host is who its certificate says; on the Unix socket (root's, in a
//   folder of root's) it is who it says. gRPC pings each connection, so a card that is cut off is noticed in
//   seconds.
//
// Invariants
//   (1) No message of a card is read before its certificate fits the host that it says to be. (2) A card that
//   does not read what it is sent is cut off at kQueueBytesMax. (3) One stream for a host: while it lives,
//   another process of the same name is refused; one process's later stream replaces its earlier one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cluster/credentials.h"
#include "cluster/remote_host.h"
#include "control/hosts.h"

namespace enid::cluster {

struct CardServerOptions {
  std::string socket_path;   // Empty: no Unix socket.
  std::string listen;        // "HOST:PORT" for TLS; empty: none. Port 0: any free one.
  HostCredentials own = {};  // For TLS.
  RemoteHostOptions hosts;
};

// What the server asks of its owner; called on gRPC's threads, and may wait.
struct CardServerHooks {
  // Whether a card may be this host. `certificate`: PEM; empty on the Unix socket. An error says why not, for
  // people.
  std::function<Result<void>(const HostId& host, const std::string& certificate)> admit;
  // The host is there, or there again; an error ends its stream.
  std::function<void(const control::HostDescription&, RemoteHost&, std::function<void(Result<void>)> done)>
      join;
  std::function<void(const HostId&)> lose;
  std::function<void(const HostId&, RemoteHost::SnapshotDone)> snapshot;
  std::function<WallTime()> now;
};

struct CardStatus {
  HostId host;
  bool connected = false;
  WallTime since;  // When that became so.
  std::string peer;
  std::string version;
  std::string state_folder;
  std::string machine_boot_id;
  std::uint64_t applied_revision = 0;
};

class CardServer {
 public:
  static constexpr std::size_t kQueueBytesMax = std::size_t{256} << 20;

  static Result<std::unique_ptr<CardServer>> create(CardServerOptions options, CardServerHooks hooks);
  // Ends every stream. RemoteHosts stay valid until the destructor.
  void stop();
  ~CardServer();

  std::uint16_t port() const;  // Of TLS; 0: none.
  // Those that have come since this process began.
  std::vector<CardStatus> cards() const;
  std::optional<CardStatus> card(const HostId& host) const;
  // Null: it has never come. Valid as long as the server.
  RemoteHost* find(const HostId& host) const;
  // Ends its stream, for example because it may no longer come.
  void dismiss(const HostId& host);

  struct Parts;  // Known to card_server.cc only.

 private:
  explicit CardServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::cluster
