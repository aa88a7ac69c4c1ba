#include "host/packet_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "host/host_descriptor.h"

namespace enid::host {
namespace {

struct Pair {
  Pair() {
    int ends[2];
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    near = PacketSocket(UniqueFd(ends[0]));
    far = PacketSocket(UniqueFd(ends[1]));
  }
  PacketSocket near{UniqueFd()}, far{UniqueFd()};
};

std::vector<std::uint8_t> bytes(std::size_t count, std::uint8_t value) {
  return std::vector<std::uint8_t>(count, value);
}

std::vector<std::shared_ptr<const pci::Descriptor>> events(std::size_t count) {
  std::vector<std::shared_ptr<const pci::Descriptor>> made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back(std::make_shared<HostDescriptor>(
        UniqueFd(::eventfd(static_cast<unsigned>(i + 1), EFD_CLOEXEC | EFD_NONBLOCK))));
  return made;
}

std::uint64_t value_of(const pci::Descriptor& event) {
  std::uint64_t value = 0;
  CHECK(::read(dynamic_cast<const HostDescriptor&>(event).fd(), &value, sizeof value) == sizeof value);
  return value;
}

std::error_code code_of(const Result<std::optional<Packet>>& received) {
  return received ? std::error_code() : received.error().code;
}

TEST(PacketSocket, WhatIsSentArrivesAsOneAndInOrder) {
  Pair pair;
  ASSERT_TRUE(pair.near.send(bytes(3, 1), {}, PacketSocket::Wait::kNo));
  ASSERT_TRUE(pair.near.send(bytes(PacketSocket::kBytesMax, 2), {}, PacketSocket::Wait::kYes));
  EXPECT_EQ((*pair.far.receive(PacketSocket::Wait::kNo))->bytes, bytes(3, 1));
  EXPECT_EQ((*pair.far.receive(PacketSocket::Wait::kYes))->bytes, bytes(PacketSocket::kBytesMax, 2));
}

TEST(PacketSocket, NothingHasComeIsNoError) {
  Pair pair;
  const auto received = pair.far.receive(PacketSocket::Wait::kNo);
  ASSERT_TRUE(received);
  EXPECT_FALSE(received->has_value());
}

TEST(PacketSocket, DescriptorsComeInTheirOrderAndCloseOnExec) {
  Pair pair;
  ASSERT_TRUE(pair.near.send(bytes(1, 7), events(PacketSocket::kDescriptorsMax), PacketSocket::Wait::kNo));
  const auto received = pair.far.receive(PacketSocket::Wait::kNo);
  ASSERT_TRUE(received && received->has_value());
  const auto& descriptors = (*received)->descriptors;
  ASSERT_EQ(descriptors.size(), PacketSocket::kDescriptorsMax);
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    EXPECT_EQ(value_of(*descriptors[i]), i + 1);
    EXPECT_NE(::fcntl(dynamic_cast<const HostDescriptor&>(*descriptors[i]).fd(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(PacketSocket, WhoMustNotWaitIsToldThatTheSocketIsFull) {
  Pair pair;
  Result<void> sent;
  for (int i = 0; i < 10'000 && sent; ++i) sent = pair.near.send(bytes(4096, 1), {}, PacketSocket::Wait::kNo);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, std::errc::resource_unavailable_try_again);
  // Nothing of the refused packet arrives, and there is room again.
  while (const auto received = *pair.far.receive(PacketSocket::Wait::kNo))
    EXPECT_EQ(received->bytes.size(), 4096u);
  EXPECT_TRUE(pair.near.send(bytes(4096, 1), {}, PacketSocket::Wait::kNo));
}

TEST(PacketSocket, TheOthersEndIsAnErrorAfterWhatItSent) {
  Pair pair;
  ASSERT_TRUE(pair.near.send(bytes(1, 1), {}, PacketSocket::Wait::kNo));
  pair.near = PacketSocket(UniqueFd());
  EXPECT_TRUE((*pair.far.receive(PacketSocket::Wait::kYes)).has_value());
  EXPECT_EQ(code_of(pair.far.receive(PacketSocket::Wait::kYes)), std::errc::connection_reset);
  EXPECT_FALSE(pair.far.send(bytes(1, 1), {}, PacketSocket::Wait::kYes));
}

TEST(PacketSocket, APacketThatIsTooLargeEndsTheConnection) {
  Pair pair;
  const auto large = bytes(PacketSocket::kBytesMax + 1, 1);
  ASSERT_EQ(::send(pair.near.fd(), large.data(), large.size(), 0), static_cast<ssize_t>(large.size()));
  EXPECT_EQ(code_of(pair.far.receive(PacketSocket::Wait::kNo)), std::errc::message_size);
}

TEST(PacketSocket, ShuttingDownEndsAWait) {
  Pair pair;
  pair.far.shut_down();
  EXPECT_EQ(code_of(pair.far.receive(PacketSocket::Wait::kYes)), std::errc::connection_reset);
  EXPECT_EQ(code_of(pair.near.receive(PacketSocket::Wait::kYes)), std::errc::connection_reset);
}

TEST(PacketSocket, NobodyListens) {
  const auto connected = PacketSocket::connect("/nonexistent/devices.sock");
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace enid::host
