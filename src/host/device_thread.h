// DeviceThread: one thread that holds the conversations about emulated devices.
//
// Theory of operation
//   Each device has one peer at a time (a QEMU, over a Unix socket), which asks seldom and waits for every
//   answer. All conversations share a thread: it sleeps in poll() until one has something to read, a timer is
//   due, or somebody sends work. The packets of a device do not come here; the card's thread polls its rings.
//
// Invariants
//   (1) A conversation is only ever called on this thread.
//   (2) When remove() returns, the conversation is not called any more.
//   (3) No conversation may wait for long: the others, and guests' processors, wait with it.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/time.h"

namespace enid::host {

class Conversation {
 public:
  virtual ~Conversation() = default;
  // What to wait for, now: a listening socket or the peer's. May change after every call.
  virtual int fd() const = 0;
  // True: for room to write, and for nothing else.
  virtual bool wants_to_write() const { return false; }
  virtual void on_ready(Instant now) = 0;
  virtual Instant next_timeout() const = 0;
  virtual void on_timeout(Instant now) = 0;
};

class DeviceThread {
 public:
  static Result<std::unique_ptr<DeviceThread>> create();
  ~DeviceThread();

  void add(std::shared_ptr<Conversation> conversation);
  void remove(const std::shared_ptr<Conversation>& conversation);
  // Runs `work` between two calls and waits for it. At once when called on this thread.
  void run(const std::function<void()>& work);
  // The same without waiting: soon, in the order of the calls.
  void post(std::function<void()> work);

 private:
  struct Parts;
  explicit DeviceThread(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::host
