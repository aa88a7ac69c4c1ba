#include "instances/process_watcher.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <utility>

#include "base/check.h"

namespace enid::instances {

Result<std::unique_ptr<ProcessWatcher>> ProcessWatcher::create() {
  host::UniqueFd events(::epoll_create1(EPOLL_CLOEXEC));
  host::UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!events.is_open() || !stop.is_open()) return errno_failure("watch processes");
  epoll_event event{EPOLLIN, {}};
  event.data.u64 = 0;
  if (::epoll_ctl(events.get(), EPOLL_CTL_ADD, stop.get(), &event) != 0)
    return errno_failure("watch processes");
  return std::unique_ptr<ProcessWatcher>(new ProcessWatcher(std::move(events), std::move(stop)));
}

ProcessWatcher::ProcessWatcher(host::UniqueFd events, host::UniqueFd stop)
    : events_(std::move(events)), stop_(std::move(stop)), thread_([this] { run(); }) {}

ProcessWatcher::~ProcessWatcher() { stop(); }

void ProcessWatcher::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  CHECK(::write(stop_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
}

void ProcessWatcher::watch(const host::UniqueFd& process, std::function<void()> ended) {
  host::UniqueFd copy(::fcntl(process.get(), F_DUPFD_CLOEXEC, 0));
  const std::lock_guard lock(mutex_);
  epoll_event event{EPOLLIN, {}};
  event.data.u64 = next_;
  const int fd = copy.get();
  watched_.emplace(next_++, Watched{std::move(copy), std::move(ended)});
  CHECK(::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void ProcessWatcher::run() {
  for (;;) {
    std::array<epoll_event, 16> happened;
    const int count = ::epoll_wait(events_.get(), happened.data(), happened.size(), -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t number = happened[static_cast<std::size_t>(i)].data.u64;
      if (number == 0) return;
      std::function<void()> ended;
      {
        const std::lock_guard lock(mutex_);
        const auto place = watched_.find(number);
        if (place == watched_.end()) continue;
        ended = std::move(place->second.ended);
        ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, place->second.process.get(), nullptr);
        watched_.erase(place);
      }
      ended();
    }
  }
}

}  // namespace enid::instances
