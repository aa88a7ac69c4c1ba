#include "pci/vfio_user/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "pci/testing/memory_descriptors.h"
#include "pci/testing/toy_device.h"
#include "pci/vfio_user/scripted_client.h"

namespace enid::pci::vfio_user {
namespace {

using pci::testing::make_event;
using pci::testing::MemoryDescriptorUser;
using pci::testing::MemoryFile;
using pci::testing::open;
using pci::testing::ToyDevice;
using ::testing::HasSubstr;

constexpr std::uint64_t kMemoryBytes = 4 << 20;

struct Lab {
  explicit Lab(bool has_own_msix_bar = false) : device(descriptors, has_own_msix_bar) {}

  // As if the client waited for each reply.
  ParsedReply exchange(Message message) {
    std::vector<Reply> replies = server.on_message(std::move(message));
    for (Reply& reply : server.on_input_drained()) replies.push_back(std::move(reply));
    CHECK(replies.size() == 1);
    return parse_reply(replies.front());
  }
  std::unique_ptr<Descriptor> new_event(std::uint32_t vector) {
    events[vector] = make_event();
    return open(events[vector]);
  }
  int error_of(Message message) {
    const ParsedReply reply = client.call(std::move(message));
    EXPECT_EQ(reply.payload.size(), 0u);
    return reply.is_error() ? static_cast<int>(reply.header.error) : 0;
  }
  void start_mapped() {
    client.must(client.make_version());
    client.map_memory();
  }

  MemoryDescriptorUser descriptors;
  ToyDevice device;
  std::shared_ptr<MemoryFile> memory = std::make_shared<MemoryFile>(kMemoryBytes);
  std::map<std::uint32_t, std::shared_ptr<MemoryFile>> events;
  Server server{device, descriptors};
  ScriptedClient client{[this](Message sent) { return exchange(std::move(sent)); },
                        {[this] { return open(memory); },
                         [this](std::uint32_t vector) { return new_event(vector); }, kMemoryBytes}};
};

TEST(VfioUserServer, carries_a_guest_from_power_on_over_a_reboot_to_its_end) {
  Lab lab;
  lab.client.start();
  EXPECT_EQ(lab.device.resets, 1);
  lab.client.enable_interrupts(3);
  lab.client.write(0, 8, 8, 0x1122'3344'5566'7788);
  EXPECT_EQ(lab.client.read(0, 12, 4), 0x1122'3344u);
  lab.memory->bytes[0x20'0000] = 41;
  lab.client.write(0, 0x40, 8, 0x20'0000);
  EXPECT_EQ(lab.memory->bytes[0x20'0000], 42);

  lab.client.reboot();
  EXPECT_EQ(lab.device.resets, 3);
  EXPECT_EQ(lab.client.read(0, 8, 8), 0u);
  lab.client.enable_interrupts(2);
  lab.device.raise(1);
  EXPECT_EQ(lab.events[1]->raised, 1u);

  lab.server.on_disconnect();
  EXPECT_EQ(lab.device.resets, 4);
  EXPECT_TRUE(lab.device.memory->ranges().empty());
  for (const auto& interrupt : lab.device.interrupts) EXPECT_EQ(interrupt, nullptr);
  EXPECT_EQ(*lab.descriptors.maps_alive, 1) << "only the device's own page";
  EXPECT_EQ(lab.server.statistics().refused, 0u) << lab.server.take_complaint();

  lab.client.start();  // The next QEMU.
  EXPECT_EQ(lab.server.statistics().refused, 0u) << lab.server.take_complaint();
}

TEST(VfioUserServer, maps_the_memory_of_a_guest_once) {
  Lab lab;
  lab.client.start();
  EXPECT_EQ(lab.descriptors.maps_made, 1);
}

TEST(VfioUserServer, answers_the_version_in_no_more_bytes_than_were_sent) {
  for (const std::string& json : {std::string(ScriptedClient::kQemuCapabilities), std::string("{ }")}) {
    Lab lab;
    const Message version = lab.client.make_version(json);
    const std::size_t room = version.payload.size();
    const ParsedReply reply = lab.client.call(lab.client.make_version(json));
    ASSERT_FALSE(reply.is_error());
    EXPECT_LE(reply.payload.size(), room);
    EXPECT_EQ(reply.payload.back(), 0);
    EXPECT_EQ(reply.word32(0), 0u);
  }
}

TEST(VfioUserServer, refuses_versions_it_cannot_read) {
  Lab lab;
  EXPECT_EQ(lab.error_of(lab.client.make(Command::kVersion)), EINVAL);
  EXPECT_EQ(lab.error_of(lab.client.make(Command::kVersion, {1, 0, 0, 0, '{', '}', 0})), EINVAL);
  EXPECT_EQ(lab.error_of(lab.client.make(Command::kVersion, {0, 0, 0, 0, '{', '}'})), EINVAL);
  EXPECT_EQ(lab.error_of(lab.client.make_version(std::string(3000, '['))), EINVAL);
  EXPECT_EQ(lab.error_of(lab.client.make(Command::kVersion, {0, 0, 0, 0})), EINVAL) << "no room";
  EXPECT_EQ(lab.error_of(lab.client.make_get_info()), EINVAL) << "still not agreed";
}

TEST(VfioUserServer, the_version_comes_first_and_once) {
  Lab lab;
  EXPECT_EQ(lab.error_of(lab.client.make_read(7, 0, 4)), EINVAL);
  lab.client.must(lab.client.make_version());
  EXPECT_EQ(lab.error_of(lab.client.make_version()), EINVAL);
}

TEST(VfioUserServer, tells_a_client_that_keeps_its_memory_to_itself_what_to_do) {
  Lab lab;
  lab.client.must(lab.client.make_version());
  lab.client.must(lab.client.make_map(0, 1 << 20, 3, 0, nullptr));
  lab.client.must(lab.client.make_ram_map(0x10'0000, 0x1000, 1));  // Read-only does not count.
  EXPECT_EQ(lab.error_of(lab.client.make_get_info()), EINVAL);
  EXPECT_THAT(lab.server.take_complaint(), HasSubstr("memory-backend-memfd"));
  EXPECT_EQ(lab.server.take_complaint(), "");
}

TEST(VfioUserServer, describes_the_device) {
  Lab lab;
  lab.start_mapped();
  const ParsedReply info = lab.client.call(lab.client.make_get_info());
  EXPECT_EQ(info.word32(4), 3u);
  EXPECT_EQ(info.word32(8), 9u);
  EXPECT_EQ(info.word32(12), 5u);
  const std::map<std::uint32_t, std::pair<std::uint32_t, std::uint32_t>> kinds = {
      {0, {1, 0}}, {1, {1, 0}}, {2, {9, 9}}, {3, {1, 1}}, {4, {1, 1}}};
  for (const auto& [index, expected] : kinds) {
    const ParsedReply reply = lab.client.call(lab.client.make_get_irq_info(index));
    EXPECT_EQ(reply.word32(4), expected.first);
    EXPECT_EQ(reply.word32(12), expected.second);
  }
  EXPECT_EQ(lab.error_of(lab.client.make_get_irq_info(5)), EINVAL);
}

TEST(VfioUserServer, shows_the_mappable_page_of_a_bar_when_there_is_room) {
  Lab lab;
  lab.start_mapped();
  const ParsedReply reply = lab.client.ask_region(0);
  ASSERT_EQ(reply.payload.size(), 64u);
  EXPECT_EQ(reply.word32(4), 15u);
  EXPECT_EQ(reply.word64(16), 0x10000u);
  EXPECT_EQ(reply.word32(32), 0x1'0001u);
  EXPECT_EQ(reply.word32(40), 1u);
  EXPECT_EQ(reply.word64(48), 0x1000u);
  EXPECT_EQ(reply.word64(56), 0x1000u);
  EXPECT_NE(reply.descriptor, nullptr);
}

TEST(VfioUserServer, a_bar_that_is_mapped_whole_needs_no_capability) {
  Lab lab;
  lab.start_mapped();
  const ParsedReply reply = lab.client.ask_region(2);
  EXPECT_EQ(reply.payload.size(), 32u);
  EXPECT_EQ(reply.word32(4), 7u);
  EXPECT_NE(reply.descriptor, nullptr);
}

TEST(VfioUserServer, absent_regions_have_no_bytes) {
  Lab lab;
  lab.start_mapped();
  for (const std::uint32_t index : {1u, 3u, 4u, 5u, 6u, 8u}) {
    EXPECT_EQ(lab.client.ask_region(index).word64(16), 0u);
    EXPECT_EQ(lab.error_of(lab.client.make_read(index, 0, 4)), EINVAL);
  }
  EXPECT_EQ(lab.error_of(lab.client.make_get_region_info(9, 32)), EINVAL);
  EXPECT_EQ(lab.error_of(lab.client.make_get_region_info(0, 31)), EINVAL);
}

TEST(VfioUserServer, the_msix_table_reads_as_zero_and_never_reaches_the_device) {
  for (const bool has_own_bar : {false, true}) {
    Lab lab(has_own_bar);
    lab.start_mapped();
    const std::uint32_t bar = has_own_bar ? 1 : 0;
    const PciDescription& description = lab.device.description();
    lab.client.write(bar, description.msix_table + 16, 4, 0xffff'ffff);
    EXPECT_EQ(lab.client.read(bar, description.msix_table + 16, 4), 0u);
    EXPECT_EQ(lab.client.read(bar, description.msix_pending, 8), 0u);
    EXPECT_EQ(lab.server.statistics().register_accesses, 0u);
  }
}

TEST(VfioUserServer, refuses_accesses_that_no_register_can_answer) {
  Lab lab;
  lab.start_mapped();
  auto& client = lab.client;
  EXPECT_EQ(lab.error_of(client.make_read(0, 0, 3)), EINVAL);
  EXPECT_EQ(lab.error_of(client.make_read(0, 2, 4)), EINVAL);
  EXPECT_EQ(lab.error_of(client.make_read(0, 0, 0)), EINVAL);
  EXPECT_EQ(lab.error_of(client.make_read(0, 0, 4096)), EINVAL);
  EXPECT_EQ(lab.error_of(client.make_read(0, 0x10000, 4)), EINVAL);
  EXPECT_EQ(lab.error_of(client.make_read(0, ~std::uint64_t{0} - 3, 4)), EINVAL);
  EXPECT_EQ(lab.error_of(client.make_read(7, 4095, 2)), EINVAL);
  EXPECT_EQ(lab.error_of(client.make_read(7, 0, 0xffff'ffff)), EINVAL);
  EXPECT_EQ(lab.error_of(client.make_read(99, 0, 4)), EINVAL);
  Message write = client.make_write(0, 0, 8, 0);
  write.payload.resize(20);
  EXPECT_EQ(lab.error_of(std::move(write)), EINVAL);
  EXPECT_EQ(lab.server.statistics().register_accesses, 0u);
}

TEST(VfioUserServer, a_request_without_reply_gets_none_even_when_refused) {
  Lab lab;
  lab.start_mapped();
  Message write = lab.client.make_write(0, 8, 8, 7);
  write.header.flags |= Header::kNoReply;
  EXPECT_TRUE(lab.server.on_message(std::move(write)).empty());
  EXPECT_EQ(lab.device.registers[1], 7u);
  Message wrong = lab.client.make_write(99, 8, 8, 7);
  wrong.header.flags |= Header::kNoReply;
  EXPECT_TRUE(lab.server.on_message(std::move(wrong)).empty());
  EXPECT_EQ(lab.server.statistics().refused, 1u);
}

TEST(VfioUserServer, unknown_commands_are_refused_and_stray_replies_ignored) {
  Lab lab;
  lab.start_mapped();
  for (const int command : {0, 6, 11, 12, 14, 15, 0xffff})
    EXPECT_EQ(lab.error_of(lab.client.make(static_cast<Command>(command))), ENOTSUP);
  Message stray = lab.client.make(Command::kDeviceReset);
  stray.header.flags = Header::kTypeReply;
  EXPECT_TRUE(lab.server.on_message(std::move(stray)).empty());
  EXPECT_EQ(lab.device.resets, 0);
}

TEST(VfioUserServer, too_short_messages_are_refused) {
  Lab lab;
  lab.start_mapped();
  for (std::uint16_t command = 2; command <= 10; ++command) {
    if (command == 6) continue;
    for (std::size_t length = 0; length < 16; ++length) {
      Message message = lab.client.make(static_cast<Command>(command), std::vector<std::uint8_t>(length));
      EXPECT_EQ(lab.error_of(std::move(message)), EINVAL) << command;
    }
  }
}

TEST(VfioUserServer, a_row_of_maps_makes_one_picture_and_answers_when_it_is_in_effect) {
  Lab lab;
  lab.start_mapped();
  const auto before = lab.server.statistics().pictures;
  constexpr std::uint64_t kPages = 900;
  for (std::uint64_t page = 0; page < kPages; ++page) {
    Message map =
        lab.client.make_map(0x1'0000'0000 + page * 0x2000, 0x1000, 3, page * 0x1000, open(lab.memory));
    ASSERT_TRUE(lab.server.on_message(std::move(map)).empty());
  }
  EXPECT_EQ(lab.server.statistics().pictures, before);
  const std::vector<Reply> replies = lab.server.on_message(lab.client.make_read(7, 0, 4));
  ASSERT_EQ(replies.size(), kPages + 1);
  for (std::size_t i = 0; i + 1 < replies.size(); ++i)
    EXPECT_LT(parse_reply(replies[i]).header.id, parse_reply(replies[i + 1]).header.id);
  EXPECT_EQ(lab.server.statistics().pictures, before + 1);
  EXPECT_EQ(lab.descriptors.maps_made, 1);
  EXPECT_TRUE(lab.device.memory->writable(0x1'0000'0000 + 2 * 0x2000, 0x1000).has_value());
}

TEST(VfioUserServer, an_unmap_is_in_effect_before_its_reply) {
  Lab lab;
  lab.start_mapped();
  ASSERT_TRUE(lab.device.memory->writable(0, 1).has_value());
  EXPECT_TRUE(lab.server.on_message(lab.client.make_unmap(0, kMemoryBytes)).empty());
  const std::vector<Reply> replies = lab.server.on_input_drained();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies.front().bytes.size(), 16u + 24u) << "echoes the request";
  EXPECT_FALSE(lab.device.memory->writable(0, 1).has_value());
}

TEST(VfioUserServer, an_endless_row_of_maps_is_answered_in_parts) {
  Lab lab;
  lab.start_mapped();
  std::size_t replies = 0;
  for (std::size_t i = 0; i < Server::kHeldMax; ++i)
    replies += lab.server.on_message(lab.client.make_unmap(0x8000'0000, 0x1000)).size();
  EXPECT_EQ(replies, Server::kHeldMax);
}

TEST(VfioUserServer, maps_of_several_files_or_unknown_kinds_are_refused) {
  Lab lab;
  lab.start_mapped();
  ScriptedClient::Descriptors two;
  two.push_back(open(lab.memory));
  two.push_back(open(lab.memory));
  Message map = lab.client.make_map(0x8000'0000, 0x1000, 3, 0, nullptr);
  map.descriptors = std::move(two);
  EXPECT_EQ(lab.error_of(std::move(map)), EINVAL);
  EXPECT_EQ(lab.error_of(lab.client.make_map(0x8000'0000, 0x1000, 4, 0, nullptr)), EINVAL);
  EXPECT_EQ(lab.error_of(lab.client.make_unmap(0, 0x1000, 1)), EINVAL);
}

TEST(VfioUserServer, unmaps_everything_when_asked_to) {
  Lab lab;
  lab.start_mapped();
  lab.client.must(lab.client.make_unmap(0, 0, 2));
  EXPECT_TRUE(lab.device.memory->ranges().empty());
}

TEST(VfioUserServer, a_notification_while_vectors_are_reassigned_is_not_lost) {
  Lab lab;
  lab.start_mapped();
  lab.client.enable_interrupts(2);
  lab.client.must(lab.client.make_set_irqs(0x21, 2, 0, 0));
  lab.device.raise(1);
  lab.client.must(lab.client.make_set_irqs(0x24, 2, 0, 3, lab.client.events(0, 3)));
  EXPECT_EQ(lab.events[1]->raised, 1u);
}

}  // namespace
}  // namespace enid::pci::vfio_user
