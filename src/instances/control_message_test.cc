#include "instances/control_message.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace enid::instances {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    here = host::UniqueFd(ends[0]);
    there = host::UniqueFd(ends[1]);
  }
  host::UniqueFd here;
  host::UniqueFd there;
};

TEST(ControlMessage, fields_arrive_as_they_were_sent) {
  const Pair pair;
  const std::vector<std::string> fields = {"exec", "", "with spaces and\nlines", "\xff"};
  ASSERT_TRUE(send_message(pair.here.get(), fields));
  const auto message = receive_message(pair.there.get(), 1000);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->fields, fields);
}

TEST(ControlMessage, descriptors_travel_with_it) {
  const Pair pair;
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  ASSERT_TRUE(send_message(pair.here.get(), {"take"}, std::array{pipe[1]}));
  ::close(pipe[1]);
  {
    const auto message = receive_message(pair.there.get(), 1000);
    ASSERT_TRUE(message && message->descriptors.size() == 1);
    EXPECT_EQ(::write(message->descriptors[0].get(), "x", 1), 1);
  }
  char byte = 0;
  EXPECT_EQ(::read(pipe[0], &byte, 1), 1);
  EXPECT_EQ(::read(pipe[0], &byte, 1), 0);  // The message closed its copy.
  ::close(pipe[0]);
}

TEST(ControlMessage, a_peer_that_has_gone_is_no_fields) {
  Pair pair;
  pair.here.reset();
  const auto message = receive_message(pair.there.get(), 1000);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->fields.empty());
}

TEST(ControlMessage, bytes_that_are_no_message_are_not_a_gone_peer) {
  const Pair pair;
  ASSERT_EQ(::send(pair.here.get(), "cut", 3, 0), 3);
  const auto message = receive_message(pair.there.get(), 1000);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->fields.size(), 1U);
}

TEST(ControlMessage, silence_and_excess_are_errors) {
  const Pair pair;
  EXPECT_FALSE(receive_message(pair.there.get(), 1));
  EXPECT_FALSE(send_message(pair.here.get(), {std::string(kLargestMessage, 'x')}));
}

}  // namespace
}  // namespace enid::instances
