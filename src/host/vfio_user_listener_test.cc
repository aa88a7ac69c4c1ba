#include "host/vfio_user_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "pci/testing/toy_device.h"
#include "pci/vfio_user/messages.h"

namespace enid::host {
namespace {

using pci::vfio_user::Command;
using pci::vfio_user::Header;

class VfioUserListenerTest : public ::testing::Test {
 protected:
  VfioUserListenerTest() {
    path_ = std::filesystem::temp_directory_path() / ("enid-listener-" + std::to_string(::getpid()));
    auto thread = DeviceThread::create();
    CHECK(thread.has_value());
    thread_ = std::move(*thread);
    auto listener = VfioUserListener::create(
        path_, device_, {.complain = [this](const std::string& words) { complaints_.push_back(words); }});
    CHECK(listener.has_value());
    listener_ = *listener;
    thread_->add(listener_);
  }
  ~VfioUserListenerTest() override { thread_->remove(listener_); }

  UniqueFd connect() const {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    CHECK(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return socket;
  }

  // Asks for version 0.0; answers whether the reply says so too.
  static bool agrees(const UniqueFd& socket) {
    const std::string capabilities(R"({"capabilities":{}})");
    std::vector<std::uint8_t> bytes;
    pci::vfio_user::write_header({.id = 7,
                                  .command = Command::kVersion,
                                  .size = static_cast<std::uint32_t>(16 + 4 + capabilities.size() + 1)},
                                 bytes);
    bytes.resize(20);
    bytes.insert(bytes.end(), capabilities.begin(), capabilities.end());
    bytes.push_back(0);
    if (::write(socket.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return false;
    std::array<std::uint8_t, 256> reply{};
    const ssize_t size = ::read(socket.get(), reply.data(), reply.size());
    if (size < 20) return false;
    const Header header = pci::vfio_user::parse_header(
        std::span<const std::uint8_t, pci::vfio_user::kHeaderBytes>(reply.data(), 16));
    return header.id == 7 && (header.flags & Header::kError) == 0 &&
           header.size == static_cast<std::size_t>(size);
  }

  HostDescriptorUser descriptors_;
  pci::testing::ToyDevice device_{descriptors_};
  std::string path_;
  std::vector<std::string> complaints_;  // Of the devices' thread; read after a conversation has ended.
  std::unique_ptr<DeviceThread> thread_;
  std::shared_ptr<VfioUserListener> listener_;
};

TEST_F(VfioUserListenerTest, talks_to_one_client_after_the_other) {
  for (int i = 0; i < 3; ++i) {
    const UniqueFd client = connect();
    EXPECT_TRUE(agrees(client));
  }
}

TEST_F(VfioUserListenerTest, a_client_that_breaks_the_framing_loses_its_connection_only) {
  {
    const UniqueFd client = connect();
    const std::array<std::uint8_t, 16> nonsense{1, 0, 1, 0, 3, 0, 0, 0};  // Shorter than its own header.
    ASSERT_EQ(::write(client.get(), nonsense.data(), nonsense.size()), 16);
    std::uint8_t byte = 0;
    EXPECT_LE(::read(client.get(), &byte, 1), 0);
  }
  const UniqueFd next = connect();
  EXPECT_TRUE(agrees(next));
  thread_->run([&] { EXPECT_THAT(complaints_, ::testing::SizeIs(1)); });
}

TEST_F(VfioUserListenerTest, its_socket_goes_with_it) {
  EXPECT_TRUE(std::filesystem::exists(path_));
  thread_->remove(listener_);
  listener_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST(VfioUserListener, refuses_a_path_that_no_socket_can_have) {
  HostDescriptorUser descriptors;
  pci::testing::ToyDevice device(descriptors);
  EXPECT_FALSE(VfioUserListener::create("/tmp/" + std::string(200, 'x'), device, {}));
}

}  // namespace
}  // namespace enid::host
