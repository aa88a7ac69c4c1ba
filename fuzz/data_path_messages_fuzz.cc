// A device's process that obeys nothing, at the daemon's door: bytes as messages, and what they say.
//
//   The input is a list of messages: two bytes of length, one that says how many descriptors come along and
//   of what kind, then the message. The data path insists on what it was promised (fake_data_path.h); what is
//   a message is written again and must read the same.
#include <cstdint>

#include "base/check.h"
#include "devices/ena/data_path_server.h"
#include "devices/ena/fake_data_path.h"
#include "fuzz/input.h"
#include "pci/testing/memory_descriptors.h"

namespace enid::devices::ena {
namespace {

using fuzz::take;

DataPathServer::Descriptors descriptors(std::uint8_t what) {
  DataPathServer::Descriptors made;
  for (int i = 0; i < (what & 15); ++i) {
    auto file = (what & 16) != 0 ? pci::testing::make_event()
                                 : std::make_shared<pci::testing::MemoryFile>(4096u << (what >> 5));
    made.push_back(pci::testing::open(file));
  }
  return made;
}

void run(ConstBytes input) {
  FakeDataPath path;
  pci::testing::MemoryDescriptorUser user;
  DataPathServer server({.queue_pairs = 3, .mtu = 9001, .low_latency = input.size() % 2 == 0}, path, user);
  while (!input.empty()) {
    const ConstBytes head = take(input, 3);
    if (head.size() < 3) return;
    const auto message = decode(take(input, static_cast<std::size_t>(head[0] | head[1] << 8)));
    if (!message) continue;
    CHECK(decode(encode(*message)).has_value());
    if (!server.on_message(*message, descriptors(head[2]))) return;  // The connection is over.
    path.take_calls();
  }
}

}  // namespace
}  // namespace enid::devices::ena

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  enid::devices::ena::run({data, size});
  return 0;
}
