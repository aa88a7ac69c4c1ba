#include "host/control_thread.h"

#include <pthread.h>

#include <chrono>
#include <future>

#include "host/clock.h"

namespace enid::host {

ControlThread::ControlThread() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "enid-control");
    loop();
  });
}

ControlThread::~ControlThread() { stop(); }

void ControlThread::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  queue_.push_back(std::move(work));
  if (queue_.size() == 1) changed_.notify_one();
}

void ControlThread::post_after(Duration delay, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  later_.emplace(monotonic_now() + delay, std::move(work));
  changed_.notify_one();
}

WallTime ControlThread::wall_time() { return wall_now(); }

void ControlThread::run(const std::function<void()>& work) {
  std::promise<void> done;
  post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

void ControlThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ControlThread::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    while (!later_.empty() && later_.begin()->first <= monotonic_now())
      queue_.push_back(std::move(later_.extract(later_.begin()).mapped()));
    if (!queue_.empty()) {
      std::deque<std::function<void()>> batch;
      batch.swap(queue_);
      lock.unlock();
      for (const auto& work : batch) work();
      batch.clear();
      lock.lock();
      continue;
    }
    if (stopping_) return;
    if (later_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock,
                        std::chrono::nanoseconds((later_.begin()->first - monotonic_now()).nanoseconds));
    }
  }
}

}  // namespace enid::host
