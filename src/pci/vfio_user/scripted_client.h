// ScriptedClient: a vfio-user client for tests that says what QEMU says, in its order.
//
// Theory of operation
//   make_…() functions build one message each; call() sends one through a function that the test gives
//   (straight into a server, over a transport, over a socket) and takes its reply apart. start(),
//   map_memory(), enable_interrupts() and reboot() are rows of messages as QEMU 11.1 was seen to send them.
#pragma once

#include <deque>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "pci/little_endian.h"
#include "pci/vfio_user/messages.h"

namespace enid::pci::vfio_user {

struct ParsedReply {
  Header header;
  std::vector<std::uint8_t> payload;
  std::shared_ptr<Descriptor> descriptor;

  bool is_error() const { return (header.flags & Header::kError) != 0; }
  std::uint32_t word32(std::size_t at) const {
    CHECK(at + 4 <= payload.size());
    return load_little_endian<std::uint32_t>(payload.data() + at);
  }
  std::uint64_t word64(std::size_t at) const {
    CHECK(at + 8 <= payload.size());
    return load_little_endian<std::uint64_t>(payload.data() + at);
  }
};

inline ParsedReply parse_reply(const Reply& reply) {
  CHECK(reply.bytes.size() >= kHeaderBytes);
  ParsedReply parsed;
  parsed.header = parse_header(std::span<const std::uint8_t, kHeaderBytes>(reply.bytes.data(), kHeaderBytes));
  CHECK(parsed.header.size == reply.bytes.size());
  parsed.payload.assign(reply.bytes.begin() + kHeaderBytes, reply.bytes.end());
  parsed.descriptor = reply.descriptor;
  return parsed;
}

class Payload {
 public:
  template <class Word>
  Payload& add(Word word) {
    bytes.resize(bytes.size() + sizeof word);
    store_little_endian<Word>(bytes.data() + bytes.size() - sizeof word, word);
    return *this;
  }
  Payload& words32(std::initializer_list<std::uint32_t> words) {
    for (const std::uint32_t word : words) add(word);
    return *this;
  }
  Payload& words64(std::initializer_list<std::uint64_t> words) {
    for (const std::uint64_t word : words) add(word);
    return *this;
  }
  std::vector<std::uint8_t> bytes;
};

class ScriptedClient {
 public:
  using Descriptors = std::vector<std::unique_ptr<Descriptor>>;
  // Sends a message and waits for its reply.
  using Exchange = std::function<ParsedReply(Message)>;
  // A new descriptor of the guest's memory, and a new event.
  struct Sources {
    std::function<std::unique_ptr<Descriptor>()> memory;
    std::function<std::unique_ptr<Descriptor>(std::uint32_t vector)> event;
    std::uint64_t memory_bytes = 0;  // A multiple of a page, at least 1 MiB.
  };

  ScriptedClient(Exchange exchange, Sources sources)
      : exchange_(std::move(exchange)), sources_(std::move(sources)) {}

  Message make(Command command, std::vector<std::uint8_t> payload = {}, Descriptors descriptors = {}) {
    Message message;
    message.header = {.id = next_id_++,
                      .command = command,
                      .size = static_cast<std::uint32_t>(kHeaderBytes + payload.size())};
    message.payload = std::move(payload);
    message.descriptors = std::move(descriptors);
    return message;
  }
  ParsedReply call(Message message) {
    const Header header = message.header;
    ParsedReply reply = exchange_(std::move(message));
    CHECK(reply.header.id == header.id && reply.header.command == header.command);
    return reply;
  }
  void must(Message message) { CHECK(!call(std::move(message)).is_error()); }

  Message make_version(std::string json = kQemuCapabilities) {
    Payload payload;
    payload.add<std::uint16_t>(0).add<std::uint16_t>(0);
    payload.bytes.insert(payload.bytes.end(), json.begin(), json.end());
    payload.bytes.push_back(0);
    return make(Command::kVersion, std::move(payload.bytes));
  }
  // Flags: 1 readable, 2 writable.
  Message make_map(std::uint64_t address, std::uint64_t size, std::uint32_t flags, std::uint64_t offset,
                   std::unique_ptr<Descriptor> file) {
    Descriptors files;
    if (file != nullptr) files.push_back(std::move(file));
    return make(Command::kDmaMap, Payload().words32({32, flags}).words64({offset, address, size}).bytes,
                std::move(files));
  }
  Message make_ram_map(std::uint64_t address, std::uint64_t size, std::uint32_t flags = 3) {
    return make_map(address, size, flags, address, sources_.memory());
  }
  Message make_unmap(std::uint64_t address, std::uint64_t size, std::uint32_t flags = 0) {
    return make(Command::kDmaUnmap, Payload().words32({24, flags}).words64({address, size}).bytes);
  }
  Message make_get_info() { return make(Command::kDeviceGetInfo, Payload().words32({16, 0, 0, 0}).bytes); }
  Message make_get_region_info(std::uint32_t region, std::uint32_t room) {
    Payload payload = Payload().words32({room, 0, region, 0}).words64({0, 0});
    return make(Command::kDeviceGetRegionInfo, payload.bytes);
  }
  Message make_get_irq_info(std::uint32_t index) {
    return make(Command::kDeviceGetIrqInfo, Payload().words32({16, 0, index, 0}).bytes);
  }
  Message make_set_irqs(std::uint32_t flags, std::uint32_t index, std::uint32_t start, std::uint32_t count,
                        Descriptors events = {}) {
    return make(Command::kDeviceSetIrqs, Payload().words32({20, flags, index, start, count}).bytes,
                std::move(events));
  }
  Message make_read(std::uint32_t region, std::uint64_t offset, std::uint32_t count) {
    return make(Command::kRegionRead, Payload().words64({offset}).words32({region, count}).bytes);
  }
  Message make_write(std::uint32_t region, std::uint64_t offset, std::uint32_t count, std::uint64_t value) {
    Payload payload = Payload().words64({offset}).words32({region, count}).words64({value});
    payload.bytes.resize(16 + count);
    return make(Command::kRegionWrite, payload.bytes);
  }

  std::uint64_t read(std::uint32_t region, std::uint64_t offset, std::uint32_t count) {
    const ParsedReply reply = call(make_read(region, offset, count));
    CHECK(!reply.is_error() && reply.payload.size() == 16 + count);
    std::uint64_t value = 0;
    std::memcpy(&value, reply.payload.data() + 16, std::min<std::size_t>(count, sizeof value));
    return value;
  }
  void write(std::uint32_t region, std::uint64_t offset, std::uint32_t count, std::uint64_t value) {
    must(make_write(region, offset, count, value));
  }
  Descriptors events(std::uint32_t first, std::uint32_t count) {
    Descriptors made;
    for (std::uint32_t i = 0; i < count; ++i) made.push_back(sources_.event(first + i));
    return made;
  }

  void map_memory() {
    must(make_ram_map(0, sources_.memory_bytes));
    must(make_map(0xfffc'0000, 0x4'0000, 1, 0, nullptr));  // The BIOS.
  }
  // Short, then full, as QEMU asks.
  ParsedReply ask_region(std::uint32_t index) {
    ParsedReply reply = call(make_get_region_info(index, 32));
    CHECK(!reply.is_error());
    const std::uint32_t needed = reply.word32(0);
    if (needed <= 32) return reply;
    CHECK(reply.payload.size() == 32 && reply.descriptor == nullptr);
    CHECK((reply.word32(4) & RegionInfo::kHasCapabilities) != 0 && reply.word32(12) == 32);
    return call(make_get_region_info(index, needed));
  }
  void reset_as_qemu() {
    write(7, 0x04, 2, 0);
    read(7, 0x54, 2);
    must(make(Command::kDeviceReset));
    for (std::uint32_t bar = 0; bar < 6; ++bar) write(7, 0x10 + 4 * bar, 4, 0);
  }
  // From the socket's first byte to the BIOS.
  void start() {
    must(make_version());
    map_memory();
    must(make_get_info());
    for (const std::uint32_t region : {0u, 1u, 2u, 3u, 4u, 5u, 7u}) ask_region(region);
    must(make_get_irq_info(3));
    read(7, 0, 4096);
    write(7, 0x30, 4, 0xffff'f800);
    CHECK(read(7, 0x30, 4) == 0);
    must(make_get_irq_info(2));
    CHECK(read(7, 0x3d, 1) == 0);
    must(make_set_irqs(0x24, 3, 0, 1, events(0, 1)));
    reset_as_qemu();
    switch_shadow_areas();
  }
  // The BIOS makes its areas below 1 MiB read-only and writable again.
  void switch_shadow_areas() {
    must(make_unmap(0, sources_.memory_bytes));
    must(make_ram_map(0, 0xc'0000));
    must(make_ram_map(0xc'0000, 0x4'0000, 1));
    must(make_ram_map(0x10'0000, sources_.memory_bytes - 0x10'0000));
    must(make_unmap(0xc'0000, 0x4'0000));
    must(make_ram_map(0xc'0000, 0x4'0000));
    // The BARs, when memory decoding is on.
    must(make_map(0xfe60'1000, 0x1000, 3, 0, nullptr));
    must(make_unmap(0xfe60'1000, 0x1000));
  }
  // The guest takes one vector after the other; each time all are dropped and given again.
  void enable_interrupts(std::uint32_t vectors) {
    write(7, 0x43, 1, 0x80);
    must(make_set_irqs(0x24, 2, 0, 1));
    for (std::uint32_t used = 1; used <= vectors; ++used) {
      must(make_set_irqs(0x21, 2, 0, 0));
      must(make_set_irqs(0x24, 2, 0, used, events(0, used)));
    }
  }
  void reboot() {
    must(make_set_irqs(0x21, 2, 0, 0));
    reset_as_qemu();
    reset_as_qemu();
    must(make_unmap(0, 0xc'0000));
    must(make_unmap(0xc'0000, 0x4'0000));
    must(make_unmap(0x10'0000, sources_.memory_bytes - 0x10'0000));
    must(make_ram_map(0, sources_.memory_bytes));
    switch_shadow_areas();
  }

  static constexpr const char* kQemuCapabilities =
      R"({"capabilities": {"pgsizes": 4096, "max_msg_fds": 16, "max_dma_maps": 65535, )"
      R"("max_data_xfer_size": 1048576, "migration": {"max_bitmap_size": 268435456, "pgsize": 4096}, )"
      R"("write_multiple": true}})";

 private:
  Exchange exchange_;
  Sources sources_;
  std::uint16_t next_id_ = 1;
};

}  // namespace enid::pci::vfio_user
