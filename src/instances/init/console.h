// Console: the instance's /dev/console, and the log that GetConsoleOutput shows.
//
// Theory of operation
//   A pseudo terminal in raw mode: its slave is /dev/console inside, its master is read here
//   into console.log, a file that the daemon reads. When the file has grown to twice what is
//   kept, its tail moves to its front, under flock(), which the reader takes too.
//
// Invariant: the file never holds more than 2 * kKeptBytes and one read.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "host/unique_fd.h"

namespace enid::instances {

class Console {
 public:
  // Documented: GetConsoleOutput returns up to 64 KB (EC2 API Reference, GetConsoleOutput).
  static constexpr std::size_t kKeptBytes = 64 * 1024;

  // `log` is console.log, open for reading and writing.
  explicit Console(host::UniqueFd log) : log_(std::move(log)) {}

  // Makes /dev/console. Call it in the instance's file tree.
  Result<void> make_device();

  int master() const { return master_.get(); }
  int slave() const { return slave_.get(); }  // For the standard streams of what the init starts.
  void drain();                               // What waits at the master goes to the log.
  void write(std::string_view text);          // One line of the init itself.

 private:
  void append(std::string_view bytes);

  host::UniqueFd log_;
  host::UniqueFd master_;
  host::UniqueFd slave_;
};

}  // namespace enid::instances
