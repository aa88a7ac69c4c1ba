// `enid exec` while an instance does not answer yet.
#include "instances/exec_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include "host/unique_fd.h"

namespace enid::instances {
namespace {

// Takes connections and says nothing, as the relay of a machine that boots.
class ExecClientTest : public ::testing::Test {
 protected:
  ExecClientTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    listener_ = host::UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strncpy(address.sun_path, (folder_ + "/init.sock").c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 4), 0);
  }
  ~ExecClientTest() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ = "/tmp/enid-exec-" + std::to_string(::getpid());
  host::UniqueFd listener_;
  int told_ = 0;
  ExecRequest request_{.arguments = {"true"}, .environment = {}, .on_wait = [this] { ++told_; }};
};

TEST_F(ExecClientTest, says_that_it_waits_and_gives_up_at_last) {
  request_.patience_ms = 50;
  const Result<int> status = exec_in_instance(folder_, request_);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, std::errc::timed_out);
  EXPECT_NE(status.error().message.find("console"), std::string::npos);
  EXPECT_EQ(told_, 1);
}

TEST_F(ExecClientTest, may_be_interrupted_while_it_waits) {
  request_.on_wait = [] { ::raise(SIGINT); };
  const Result<int> status = exec_in_instance(folder_, request_);
  ASSERT_TRUE(status.has_value()) << status.error().message;
  EXPECT_EQ(*status, 128 + SIGINT);
}

TEST_F(ExecClientTest, does_not_wait_for_an_instance_that_is_not_there) {
  listener_.reset();
  EXPECT_FALSE(exec_in_instance(folder_, request_).has_value());
  EXPECT_EQ(told_, 0);
}

}  // namespace
}  // namespace enid::instances
