#include "instances/process_identity.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace enid::instances {
namespace {

TEST(ProcessIdentity, is_read_back_as_written) {
  const auto self = ProcessIdentity::of(::getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(self->is_alive());
  EXPECT_EQ(ProcessIdentity::parse(self->text()), self);
}

TEST(ProcessIdentity, another_process_with_the_same_id_is_another) {
  auto earlier = *ProcessIdentity::of(::getpid());
  earlier.start_ticks -= 1;
  EXPECT_FALSE(earlier.is_alive());
  EXPECT_FALSE(earlier.open().is_open());
  auto earlier_boot = *ProcessIdentity::of(::getpid());
  earlier_boot.boot = "another";
  EXPECT_FALSE(earlier_boot.is_alive());
}

TEST(ProcessIdentity, a_process_that_only_waits_to_be_reaped_is_not_alive) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(ProcessIdentity::of(child));
  ::waitpid(child, nullptr, 0);
}

TEST(ProcessIdentity, text_that_is_none_is_refused) {
  for (const char* text : {"", "12", "12 x y", "1 5 boot", "-4 5 boot"})
    EXPECT_FALSE(ProcessIdentity::parse(text)) << text;
}

}  // namespace
}  // namespace enid::instances
