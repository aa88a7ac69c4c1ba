// StateFolder: where one daemon keeps everything, and the lock that makes it one.
//
//   STATE/enid.db           the store (SQLite)
//   STATE/enid.sock         the operator's socket
//   STATE/devices.sock      where processes that hold network cards find the daemon (`enid device`)
//   STATE/cards.sock        where cards in other network namespaces of this machine do (`enid card`)
//   STATE/card.secret       what an `enid card` keeps,
//   STATE/program.snapshot  and what it was told
//   STATE/enid.pid          the daemon's process id; the daemon holds a lock on this file
//   STATE/enid.log          its log
//   STATE/endpoint          the URL it listens on
//   STATE/instances/        what the instances left on disk
//   STATE/machines/         what the virtual machines left on disk
//   STATE/guest/            what virtual machines run on: QEMU, a kernel, a file tree (tools/guest/fetch.sh)
//
// Invariant: the folder has mode 0700. The lock is flock()'s, so it goes with the process,
// also after kill -9.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"

namespace enid::apps {

inline constexpr const char* kDefaultState = "/var/lib/enid";
inline constexpr const char* kDefaultCardState = "/var/lib/enid-card";  // Of `enid card`.

class StateFolder {
 public:
  explicit StateFolder(std::string path) : path_(std::move(path)) {}

  // Makes the folder when it is missing.
  Result<void> prepare() const;

  const std::string& path() const { return path_; }
  std::string database() const { return path_ + "/enid.db"; }
  std::string socket() const { return path_ + "/enid.sock"; }
  std::string devices_socket() const { return path_ + "/devices.sock"; }
  std::string cards_socket() const { return path_ + "/cards.sock"; }
  std::string card_secret() const { return path_ + "/card.secret"; }
  std::string kept_program() const { return path_ + "/program.snapshot"; }
  std::string pid_file() const { return path_ + "/enid.pid"; }
  std::string log_file() const { return path_ + "/enid.log"; }
  std::string endpoint_file() const { return path_ + "/endpoint"; }
  std::string instances() const { return path_ + "/instances"; }
  std::string machines() const { return path_ + "/machines"; }

  // The process that holds the lock, if any.
  std::optional<pid_t> running_daemon() const;
  std::string endpoint() const;  // Empty when none was ever written.

 private:
  std::string path_;
};

// Held by the daemon while it lives.
class StateLock {
 public:
  // Refused, with a message that names the other process, when another daemon holds it.
  static Result<StateLock> take(const StateFolder& folder);
  ~StateLock();
  StateLock(StateLock&& other) noexcept;
  StateLock& operator=(StateLock&&) = delete;

  // After a fork: the file says who holds the lock now.
  Result<void> write_pid() const;

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace enid::apps
