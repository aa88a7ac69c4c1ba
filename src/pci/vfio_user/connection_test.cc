#include "pci/vfio_user/connection.h"

#include <gtest/gtest.h>

#include "pci/testing/memory_descriptors.h"
#include "pci/testing/memory_transport.h"
#include "pci/testing/toy_device.h"
#include "pci/vfio_user/scripted_client.h"

namespace enid::pci::vfio_user {
namespace {

struct Lab {
  ParsedReply exchange(Message message) {
    transport.from_client.push_back(std::move(message));
    CHECK(connection.on_ready());
    CHECK(transport.to_client.size() == 1);
    const ParsedReply reply = parse_reply(transport.to_client.front());
    transport.to_client.clear();
    return reply;
  }

  testing::MemoryDescriptorUser descriptors;
  testing::ToyDevice device{descriptors};
  Server server{device, descriptors};
  testing::MemoryTransport transport;
  Connection connection{transport, server};
  std::shared_ptr<testing::MemoryFile> memory = std::make_shared<testing::MemoryFile>(4 << 20);
  ScriptedClient client{[this](Message sent) { return exchange(std::move(sent)); },
                        {[this] { return testing::open(memory); },
                         [](std::uint32_t) { return testing::open(testing::make_event()); }, 4 << 20}};
};

TEST(VfioUserConnection, carries_a_start_and_a_reboot) {
  Lab lab;
  lab.client.start();
  lab.client.reboot();
  EXPECT_EQ(lab.device.resets, 3);
}

TEST(VfioUserConnection, a_row_that_came_at_once_is_answered_at_once) {
  Lab lab;
  lab.client.must(lab.client.make_version());
  const int before = lab.device.pictures;
  for (std::uint64_t page = 0; page < 500; ++page)
    lab.transport.from_client.push_back(lab.client.make_ram_map(page * 4096, 4096));
  ASSERT_TRUE(lab.connection.on_ready());
  EXPECT_EQ(lab.transport.to_client.size(), 500u);
  EXPECT_EQ(lab.device.pictures, before + 1);
}

TEST(VfioUserConnection, a_client_that_never_stops_does_not_keep_the_thread) {
  Lab lab;
  lab.client.must(lab.client.make_version());
  for (int i = 0; i < Connection::kMessagesPerTurn + 10; ++i)
    lab.transport.from_client.push_back(lab.client.make_unmap(0, 4096));
  ASSERT_TRUE(lab.connection.on_ready());
  EXPECT_EQ(lab.transport.from_client.size(), 10u);
  EXPECT_EQ(lab.transport.to_client.size(), static_cast<std::size_t>(Connection::kMessagesPerTurn));
}

TEST(VfioUserConnection, reads_nothing_more_while_the_client_does_not_listen) {
  Lab lab;
  lab.client.must(lab.client.make_version());
  lab.transport.is_stuck = true;
  for (int i = 0; i < 10; ++i) lab.transport.from_client.push_back(lab.client.make_read(7, 0, 4));
  ASSERT_TRUE(lab.connection.on_ready());
  EXPECT_TRUE(lab.connection.wants_to_write());
  EXPECT_EQ(lab.transport.from_client.size(), 9u);
  ASSERT_TRUE(lab.connection.on_ready());
  EXPECT_EQ(lab.transport.from_client.size(), 9u);
  lab.transport.is_stuck = false;
  ASSERT_TRUE(lab.connection.on_ready());
  EXPECT_FALSE(lab.connection.wants_to_write());
  EXPECT_EQ(lab.transport.to_client.size(), 10u);
}

TEST(VfioUserConnection, a_client_that_leaves_leaves_nothing_behind) {
  Lab lab;
  lab.client.start();
  lab.transport.has_gone = true;
  const Result<void> end = lab.connection.on_ready();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, std::errc::connection_reset);
  EXPECT_EQ(lab.device.resets, 2);
  EXPECT_TRUE(lab.device.memory->ranges().empty());
}

}  // namespace
}  // namespace enid::pci::vfio_user
