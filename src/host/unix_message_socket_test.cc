#include "host/unix_message_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

#include "host/host_descriptor.h"
#include "pci/testing/toy_device.h"
#include "pci/vfio_user/connection.h"
#include "pci/vfio_user/scripted_client.h"

namespace enid::host {
namespace {

using namespace pci::vfio_user;

constexpr std::uint64_t kMemoryBytes = 4 << 20;

struct Pair {
  Pair() {
    int ends[2];
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    near = UniqueFd(ends[0]);
    far = UniqueFd(ends[1]);
  }
  UniqueFd near, far;
};

std::vector<std::uint8_t> bytes_of(const Message& message) {
  std::vector<std::uint8_t> bytes;
  write_header(message.header, bytes);
  bytes.insert(bytes.end(), message.payload.begin(), message.payload.end());
  return bytes;
}

void send_with_descriptors(int socket, ConstBytes bytes, const std::vector<int>& fds) {
  std::vector<std::uint8_t> control(CMSG_SPACE(fds.size() * sizeof(int)));
  iovec piece{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
  }
  CHECK(::sendmsg(socket, &header, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

void send_message(int socket, const Message& message) {
  std::vector<int> fds;
  for (const auto& file : message.descriptors) fds.push_back(static_cast<const HostDescriptor&>(*file).fd());
  send_with_descriptors(socket, bytes_of(message), fds);
}

// A header and payload; descriptors are not asked for here.
Message version_request() {
  Message message;
  message.payload = {0, 0, 0, 0, '{', '}', 0};
  message.header = {.id = 7, .command = Command::kVersion, .size = 16 + 7};
  return message;
}

int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
  return count;
}

TEST(UnixMessageSocket, receives_a_message_byte_by_byte) {
  Pair pair;
  UnixMessageSocket socket(std::move(pair.near));
  const std::vector<std::uint8_t> bytes = bytes_of(version_request());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto nothing = socket.receive();
    ASSERT_TRUE(nothing.has_value());
    ASSERT_FALSE(nothing->has_value());
    ASSERT_EQ(::write(pair.far.get(), &bytes[i], 1), 1);
  }
  const auto message = socket.receive();
  ASSERT_TRUE(message.has_value() && message->has_value());
  EXPECT_EQ((*message)->header.id, 7);
  EXPECT_EQ((*message)->payload, version_request().payload);
}

TEST(UnixMessageSocket, keeps_two_messages_that_came_at_once_apart) {
  Pair pair;
  UnixMessageSocket socket(std::move(pair.near));
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  send_with_descriptors(pair.far.get(), bytes_of(version_request()), {event.get()});
  send_with_descriptors(pair.far.get(), bytes_of(version_request()), {event.get(), event.get()});
  EXPECT_EQ((*socket.receive())->descriptors.size(), 1u);
  const auto second = socket.receive();
  ASSERT_EQ((*second)->descriptors.size(), 2u);
  const auto& descriptor = static_cast<const HostDescriptor&>(*(*second)->descriptors[0]);
  EXPECT_NE(::fcntl(descriptor.fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_FALSE((*socket.receive()).has_value());
}

TEST(UnixMessageSocket, ends_the_connection_over_a_length_that_cannot_be) {
  for (const std::uint32_t size : {0u, 15u, static_cast<std::uint32_t>(kMessageBytesMax) + 1, ~0u}) {
    Pair pair;
    UnixMessageSocket socket(std::move(pair.near));
    Message message = version_request();
    message.header.size = size;
    send_message(pair.far.get(), message);
    EXPECT_FALSE(socket.receive().has_value()) << size;
  }
}

TEST(UnixMessageSocket, too_many_descriptors_end_the_connection_and_are_closed) {
  const int before = open_descriptors();
  {
    Pair pair;
    const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
    UnixMessageSocket socket(std::move(pair.near));
    send_with_descriptors(pair.far.get(), bytes_of(version_request()), std::vector<int>(40, event.get()));
    EXPECT_FALSE(socket.receive().has_value());
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(UnixMessageSocket, says_when_the_other_side_has_gone) {
  Pair pair;
  UnixMessageSocket socket(std::move(pair.near));
  send_message(pair.far.get(), version_request());
  pair.far.reset();
  EXPECT_TRUE((*socket.receive()).has_value()) << "what came before still counts";
  const auto end = socket.receive();
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, std::errc::connection_reset);
}

TEST(UnixMessageSocket, keeps_replies_that_do_not_fit_until_the_client_reads) {
  Pair pair;
  UnixMessageSocket socket(std::move(pair.near));
  std::vector<std::uint8_t> sent, received;
  for (int i = 0; i < 100; ++i) {
    Reply reply;
    reply.bytes.assign(50'000, static_cast<std::uint8_t>(i));
    sent.insert(sent.end(), reply.bytes.begin(), reply.bytes.end());
    ASSERT_TRUE(socket.send(std::move(reply)).has_value());
  }
  EXPECT_TRUE(socket.has_unsent());
  std::vector<std::uint8_t> buffer(7777);
  while (received.size() < sent.size()) {
    const ssize_t length = ::recv(pair.far.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    ASSERT_GT(length, 0);
    received.insert(received.end(), buffer.begin(), buffer.begin() + length);
    ASSERT_TRUE(socket.flush().has_value());
  }
  EXPECT_FALSE(socket.has_unsent());
  EXPECT_EQ(received, sent);
}

// A guest over a real socket: its memory a memfd, its interrupts eventfds, its doorbells a shared page.
struct GuestLab {
  GuestLab() : socket(std::move(pair.near)) {
    memory = UniqueFd(::memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    CHECK(::ftruncate(memory.get(), kMemoryBytes) == 0);
  }

  ParsedReply exchange(const Message& message) {
    send_message(pair.far.get(), message);
    pollfd readable{socket.fd(), POLLIN, 0};
    CHECK(::poll(&readable, 1, 1000) == 1);
    CHECK(connection.on_ready());
    return take_reply();
  }
  ParsedReply take_reply() {
    std::uint8_t buffer[8192];
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(int))];
    iovec piece{buffer, sizeof buffer};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t length = ::recvmsg(pair.far.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    CHECK(length >= 16);
    Reply reply;
    reply.bytes.assign(buffer, buffer + length);
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&header)) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
      reply.descriptor = std::make_shared<HostDescriptor>(UniqueFd(fd));
    }
    return parse_reply(reply);
  }
  std::unique_ptr<pci::Descriptor> copy(const UniqueFd& fd) const {
    return std::make_unique<HostDescriptor>(UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)));
  }
  std::unique_ptr<pci::Descriptor> new_event(std::uint32_t vector) {
    events[vector] = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    return copy(events[vector]);
  }

  Pair pair;
  UniqueFd memory;
  std::map<std::uint32_t, UniqueFd> events;
  HostDescriptorUser descriptors;
  pci::testing::ToyDevice device{descriptors};
  Server server{device, descriptors};
  UnixMessageSocket socket;
  Connection connection{socket, server};
  ScriptedClient client{[this](const Message& sent) { return exchange(sent); },
                        {[this] { return copy(memory); },
                         [this](std::uint32_t vector) { return new_event(vector); }, kMemoryBytes}};
};

TEST(VfioUserOverSocket, carries_a_guest_with_its_memory_interrupts_and_doorbells) {
  GuestLab lab;
  lab.client.start();
  lab.client.enable_interrupts(4);

  const std::uint8_t before = 41;
  std::uint8_t after = 0;
  ASSERT_EQ(::pwrite(lab.memory.get(), &before, 1, 0x20'0000), 1);
  lab.client.write(0, 0x40, 8, 0x20'0000);  // The device counts the bytes there up.
  ASSERT_EQ(::pread(lab.memory.get(), &after, 1, 0x20'0000), 1);
  EXPECT_EQ(after, 42);

  lab.client.write(0, 0x48, 8, 3);  // The device raises vector 3.
  std::uint64_t raised = 0;
  ASSERT_EQ(::read(lab.events[3].get(), &raised, sizeof raised), 8);
  EXPECT_EQ(raised, 1u);

  const ParsedReply region = lab.client.ask_region(0);
  ASSERT_NE(region.descriptor, nullptr);
  const int fd = static_cast<const HostDescriptor&>(*region.descriptor).fd();
  const auto offset = static_cast<off_t>(region.word64(24) + region.word64(48));
  void* page = ::mmap(nullptr, region.word64(56), PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
  ASSERT_NE(page, MAP_FAILED);
  ::munmap(page, region.word64(56));

  lab.client.reboot();
  EXPECT_EQ(lab.server.statistics().refused, 0u) << lab.server.take_complaint();
  lab.pair.far.reset();
  const Result<void> end = lab.connection.on_ready();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, std::errc::connection_reset);
  EXPECT_TRUE(lab.device.memory->ranges().empty());
}

TEST(VfioUserOverSocket, a_guest_that_comes_and_goes_leaves_no_descriptor_behind) {
  const int before = open_descriptors();
  {
    GuestLab lab;
    lab.client.start();
    lab.client.enable_interrupts(9);
    lab.client.reboot();
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace enid::host
