#include "host/device_thread.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "host/clock.h"
#include "host/unique_fd.h"

namespace enid::host {

struct DeviceThread::Parts {
  void loop();
  void send(std::function<void()> work);
  void run_work();
  void wait();

  UniqueFd wake;
  std::mutex mutex;  // Guards `work`.
  std::vector<std::function<void()>> work;
  // The thread's own.
  std::vector<std::shared_ptr<Conversation>> conversations;
  bool stopping = false;
  std::thread thread;
};

void DeviceThread::Parts::send(std::function<void()> item) {
  {
    const std::lock_guard lock(mutex);
    work.push_back(std::move(item));
  }
  const std::uint64_t one = 1;
  (void)!::write(wake.get(), &one, sizeof one);
}

void DeviceThread::Parts::run_work() {
  std::vector<std::function<void()>> items;
  {
    const std::lock_guard lock(mutex);
    items.swap(work);
  }
  for (const auto& item : items) item();
}

void DeviceThread::Parts::loop() {
  ::pthread_setname_np(::pthread_self(), "enid-devices");
  while (!stopping) {
    wait();
    run_work();
  }
}

void DeviceThread::Parts::wait() {
  std::vector<pollfd> events{{.fd = wake.get(), .events = POLLIN, .revents = 0}};
  Instant soonest = Instant::never();
  for (const auto& conversation : conversations) {
    const short wanted = conversation->wants_to_write() ? POLLOUT : POLLIN;
    events.push_back({.fd = conversation->fd(), .events = wanted, .revents = 0});
    soonest = std::min(soonest, conversation->next_timeout());
  }
  timespec timeout{};
  const Instant now = monotonic_now();
  if (soonest > now && soonest != Instant::never()) {
    timeout.tv_sec = (soonest - now).seconds();
    timeout.tv_nsec = (soonest - now).nanoseconds % 1'000'000'000;
  }
  ::ppoll(events.data(), events.size(), soonest == Instant::never() ? nullptr : &timeout, nullptr);

  const Instant later = monotonic_now();
  if (events.front().revents != 0) {
    std::uint64_t ignored = 0;
    (void)!::read(wake.get(), &ignored, sizeof ignored);
  }
  // A call may not change the list: that is work, and work waits until the round is over.
  for (std::size_t i = 0; i < conversations.size(); ++i) {
    if (events[i + 1].revents != 0) conversations[i]->on_ready(later);
    if (conversations[i]->next_timeout() <= later) conversations[i]->on_timeout(later);
  }
}

DeviceThread::DeviceThread(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {
  parts_->thread = std::thread([&parts = *parts_] { parts.loop(); });
}

Result<std::unique_ptr<DeviceThread>> DeviceThread::create() {
  auto parts = std::make_unique<Parts>();
  parts->wake = UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!parts->wake.is_open()) return errno_failure("make the devices' eventfd");
  return std::unique_ptr<DeviceThread>(new DeviceThread(std::move(parts)));
}

DeviceThread::~DeviceThread() {
  parts_->send([&parts = *parts_] { parts.stopping = true; });
  parts_->thread.join();
}

void DeviceThread::add(std::shared_ptr<Conversation> conversation) {
  run([&] { parts_->conversations.push_back(std::move(conversation)); });
}

void DeviceThread::remove(const std::shared_ptr<Conversation>& conversation) {
  run([&] { std::erase(parts_->conversations, conversation); });
}

void DeviceThread::run(const std::function<void()>& work) {
  if (std::this_thread::get_id() == parts_->thread.get_id()) return work();
  std::promise<void> done;
  parts_->send([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

void DeviceThread::post(std::function<void()> work) { parts_->send(std::move(work)); }

}  // namespace enid::host
