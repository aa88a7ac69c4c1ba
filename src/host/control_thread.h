// ControlThread: the thread on which the control plane lives.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "control/executor.h"

namespace enid::host {

class ControlThread final : public control::Executor {
 public:
  ControlThread();
  ~ControlThread() override;

  void post(std::function<void()> work) override;
  void post_after(Duration delay, std::function<void()> work) override;
  WallTime wall_time() override;

  // Runs `work` there and waits for it. Not from the control thread itself.
  void run(const std::function<void()>& work);
  // Ends the thread after the work that is queued; what is posted later is dropped.
  void stop();

 private:
  void loop();

  std::mutex mutex_;  // Guards what follows.
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  std::multimap<Instant, std::function<void()>> later_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace enid::host
