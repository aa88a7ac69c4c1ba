#include "apps/shutdown_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace enid::apps {
namespace {

std::atomic<int> shutdown_event = -1;

void on_signal(int) { ShutdownSignal::request(); }

}  // namespace

ShutdownSignal::ShutdownSignal() : event_(::eventfd(0, EFD_CLOEXEC)) {
  shutdown_event = event_.get();
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

ShutdownSignal::~ShutdownSignal() { shutdown_event = -1; }

void ShutdownSignal::request() {
  const std::uint64_t one = 1;
  if (::write(shutdown_event, &one, sizeof one) < 0) { /* It is written already. */
  }
}

void ShutdownSignal::wait() {
  pollfd event{.fd = event_.get(), .events = POLLIN, .revents = 0};
  while (::poll(&event, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace enid::apps
