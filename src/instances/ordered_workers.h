// OrderedWorkers: a few threads that run jobs; jobs of one key in order, others in parallel.
//
// Invariants
//   (1) At most one job of a key runs at a time, in the order of post().
//   (2) The destructor runs all jobs that were posted, then joins.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace enid::instances {

class OrderedWorkers {
 public:
  explicit OrderedWorkers(unsigned threads);
  ~OrderedWorkers();
  OrderedWorkers(const OrderedWorkers&) = delete;
  OrderedWorkers& operator=(const OrderedWorkers&) = delete;

  void post(const std::string& key, std::function<void()> job);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::unordered_map<std::string, std::deque<std::function<void()>>> jobs_;  // Front: runs or is next.
  std::deque<std::string> runnable_;  // Keys whose front job no thread has taken.
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace enid::instances
