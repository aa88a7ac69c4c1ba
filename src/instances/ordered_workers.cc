#include "instances/ordered_workers.h"

#include <utility>

namespace enid::instances {

OrderedWorkers::OrderedWorkers(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

OrderedWorkers::~OrderedWorkers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void OrderedWorkers::post(const std::string& key, std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    std::deque<std::function<void()>>& waiting = jobs_[key];
    waiting.push_back(std::move(job));
    if (waiting.size() > 1) return;  // Its turn comes when the one before is done.
    runnable_.push_back(key);
  }
  wake_.notify_one();
}

void OrderedWorkers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return !runnable_.empty() || (ending_ && jobs_.empty()); });
    if (runnable_.empty()) return;
    const std::string key = std::move(runnable_.front());
    runnable_.pop_front();
    const std::function<void()> job = std::move(jobs_[key].front());
    lock.unlock();
    job();
    lock.lock();
    const auto place = jobs_.find(key);
    place->second.pop_front();
    if (place->second.empty()) {
      jobs_.erase(place);
      if (ending_ && jobs_.empty()) wake_.notify_all();
    } else {
      runnable_.push_back(key);
      wake_.notify_one();
    }
  }
}

}  // namespace enid::instances
