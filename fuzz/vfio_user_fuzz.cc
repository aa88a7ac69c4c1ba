// What a hostile vfio-user client may send: a row of messages, to a server with a toy device. A
// message of the input is a command, a byte of choices (descriptors, "no reply", "no more input waits"), a
// length, and that many bytes of payload. After each row the client leaves, and nothing of it may stay.
#include <algorithm>
#include <optional>

#include "base/check.h"
#include "pci/testing/memory_descriptors.h"
#include "pci/testing/toy_device.h"
#include "pci/vfio_user/scripted_client.h"
#include "pci/vfio_user/server.h"

namespace {

using namespace enid;
using namespace enid::pci;
using namespace enid::pci::vfio_user;

struct Input {
  ConstBytes left;
  std::uint8_t byte() {
    if (left.empty()) return 0;
    const std::uint8_t value = left.front();
    left = left.subspan(1);
    return value;
  }
  std::vector<std::uint8_t> bytes(std::size_t length) {
    length = std::min(length, left.size());
    std::vector<std::uint8_t> taken(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(length));
    left = left.subspan(length);
    return taken;
  }
};

// Replies answer requests in order, and are no longer than there is room for.
struct Expectation {
  std::uint16_t id = 0;
  std::size_t room = 0;
};

std::size_t room_for(const Message& message) {
  const std::size_t asked = kHeaderBytes + message.payload.size();
  const auto word = [&](std::size_t at) -> std::size_t {
    return at + 4 <= message.payload.size() ? load_little_endian<std::uint32_t>(&message.payload[at]) : 0;
  };
  if (message.header.command == Command::kDeviceGetRegionInfo) return kHeaderBytes + word(0);
  if (message.header.command == Command::kRegionRead) return asked + word(12);
  return asked;
}

struct Client {
  explicit Client(ConstBytes bytes) : input{bytes} {}

  void take(const std::vector<Reply>& replies) {
    for (const Reply& reply : replies) {
      CHECK(!expected.empty());
      const ParsedReply parsed = parse_reply(reply);
      CHECK(parsed.header.id == expected.front().id);
      CHECK(parsed.is_error() ? reply.bytes.size() == kHeaderBytes && parsed.header.error != 0
                              : reply.bytes.size() <= expected.front().room);
      expected.erase(expected.begin());
    }
  }
  void send_one() {
    const std::uint8_t command = input.byte(), choice = input.byte(), length = input.byte();
    Message message;
    message.header.id = next_id++;
    message.header.command = static_cast<Command>(command % 18);
    message.header.flags = (choice & 1) != 0 ? Header::kNoReply : 0;
    message.payload = input.bytes(length);
    message.header.size = static_cast<std::uint32_t>(kHeaderBytes + message.payload.size());
    for (int i = 0; i < (choice >> 1 & 3); ++i)
      message.descriptors.push_back(testing::open((choice & 8) != 0 ? testing::make_event() : memory));
    if ((choice & 1) == 0) expected.push_back({message.header.id, room_for(message)});
    take(server.on_message(std::move(message)));
    if ((choice & 16) == 0) {
      take(server.on_input_drained());
      CHECK(expected.empty());
    }
    if ((choice & 32) != 0) device.touch(load_address());
  }
  std::uint64_t load_address() {
    const std::vector<std::uint8_t> bytes = input.bytes(8);
    return bytes.size() == 8 ? load_little_endian<std::uint64_t>(bytes.data()) : 0;
  }

  Input input;
  testing::MemoryDescriptorUser descriptors;
  testing::ToyDevice device{descriptors};
  Server server{device, descriptors};
  std::shared_ptr<testing::MemoryFile> memory = std::make_shared<testing::MemoryFile>(16 * 4096);
  std::vector<Expectation> expected;
  std::uint16_t next_id = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Client client({data, size});
  // Mostly after a good start, or nothing would come past the version.
  if (client.input.byte() % 8 != 0) {
    Message version;
    version.header.command = Command::kVersion;
    version.payload = {0, 0, 0, 0, '{', '}', 0};
    CHECK(client.server.on_message(std::move(version)).size() == 1);
  }
  for (int sent = 0; !client.input.left.empty() && sent < 256; ++sent) client.send_one();

  client.server.on_disconnect();
  CHECK(client.device.memory->ranges().empty());
  for (const auto& interrupt : client.device.interrupts) CHECK(interrupt == nullptr);
  CHECK(client.server.on_input_drained().empty());
  return 0;
}
