#include "host/device_thread.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "host/clock.h"
#include "host/unique_fd.h"

namespace enid::host {
namespace {

class Echo final : public Conversation {
 public:
  explicit Echo(int fd) : fd_(fd) {}
  int fd() const override { return fd_; }
  void on_ready(Instant) override {
    std::array<char, 64> bytes{};
    const ssize_t size = ::read(fd_, bytes.data(), bytes.size());
    if (size > 0) (void)!::write(fd_, bytes.data(), static_cast<std::size_t>(size));
  }
  Instant next_timeout() const override { return due_; }
  void on_timeout(Instant now) override {
    ++ticks;
    due_ = now + Duration::from_milliseconds(1);
  }

  std::atomic<int> ticks = 0;

 private:
  int fd_;
  Instant due_ = monotonic_now();
};

TEST(DeviceThread, answers_every_conversation_and_keeps_its_timers) {
  auto thread = DeviceThread::create();
  ASSERT_TRUE(thread);
  std::array<int, 2> first{}, second{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, first.data()), 0);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second.data()), 0);
  const UniqueFd ends[] = {UniqueFd(first[0]), UniqueFd(first[1]), UniqueFd(second[0]), UniqueFd(second[1])};
  auto a = std::make_shared<Echo>(first[0]);
  auto b = std::make_shared<Echo>(second[0]);
  (*thread)->add(a);
  (*thread)->add(b);
  for (const int peer : {first[1], second[1], first[1]}) {
    char letter = 'x';
    ASSERT_EQ(::write(peer, &letter, 1), 1);
    letter = 0;
    ASSERT_EQ(::read(peer, &letter, 1), 1);
    EXPECT_EQ(letter, 'x');
  }
  while (a->ticks < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  (*thread)->remove(a);
  const int ticks = a->ticks;
  const int others = b->ticks;
  while (b->ticks < others + 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(a->ticks, ticks);
}

}  // namespace
}  // namespace enid::host
