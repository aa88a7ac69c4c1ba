// ScriptedDriver: an ENA driver for tests: it does what Linux and iPXE do, and whatever else a test wants.
//
// Theory of operation
//   It owns a guest's memory, the device and a data path that only takes notes. Registers are written as a
//   guest would; rings and buffers are allocated from the memory one after the other.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "devices/ena/controller.h"
#include "devices/ena/fake_data_path.h"

namespace enid::devices::ena {

class ScriptedMemory final : public pci::SharedMemory {
 public:
  explicit ScriptedMemory(std::size_t size) : words_(size / 8) {}
  Bytes bytes() const override { return {reinterpret_cast<std::uint8_t*>(words_.data()), words_.size() * 8}; }

 private:
  mutable std::vector<std::uint64_t> words_;  // For their alignment.
};

class ScriptedDescriptors final : public pci::DescriptorUser {
 public:
  class File final : public pci::Descriptor {
   public:
    std::uint64_t identity() const override { return reinterpret_cast<std::uintptr_t>(this); }
  };
  Result<std::shared_ptr<pci::SharedMemory>> map(const pci::Descriptor&, std::uint64_t, std::uint64_t size,
                                                 bool) override {
    return std::make_shared<ScriptedMemory>(size);
  }
  std::shared_ptr<pci::Interrupt> interrupt(std::unique_ptr<pci::Descriptor>) override { return nullptr; }
  Result<NewMemory> make_shared_memory(std::uint64_t size) override {
    return NewMemory{std::make_shared<ScriptedMemory>(size), std::make_shared<File>()};
  }
};

class ScriptedInterrupt final : public pci::Interrupt {
 public:
  int raised = 0;
  void raise() override { ++raised; }
};

struct ScriptedAnswer {
  AdminStatus status = AdminStatus::kUnknownError;
  std::array<std::uint8_t, AdminAnswer::kBytes> bytes{};

  template <class Word>
  Word load(std::size_t at) const {
    return pci::load_little_endian<Word>(bytes.data() + at);
  }
};

struct ScriptedEvent {
  std::uint16_t group = 0;
  std::array<std::uint8_t, 48> data{};

  bool operator==(const ScriptedEvent&) const = default;
};

// A control buffer in the guest's memory.
struct ScriptedBuffer {
  std::uint64_t address = 0;
  std::uint32_t length = 0;
};

// What a device told of its driver, a line each.
class ScriptedListener final : public DeviceListener {
 public:
  std::vector<std::string> heard;

  void on_host(const HostInformation& host) override { heard.push_back("host " + host.text()); }
  void on_reset(std::uint32_t reason) override {
    heard.push_back("reset " + std::string(reset_reason_name(reason)));
  }
  void on_broken(std::string_view because) override { heard.push_back("broken " + std::string(because)); }
};

class ScriptedDriver {
 public:
  using Buffer = ScriptedBuffer;
  static constexpr std::uint64_t kMemoryAddress = 0x10'0000;
  static constexpr std::uint64_t kMemoryBytes = 512 * 1024;

  explicit ScriptedDriver(const ControllerOptions& options = {})
      : device_memory(*DeviceMemory::create(descriptors, options)),
        device(options, device_memory, data_path, &listener) {
    begin_life();
  }
  // With another data path, which was made with the same memory.
  ScriptedDriver(const ControllerOptions& options, DeviceMemory shared, DataPath& other)
      : device_memory(std::move(shared)), device(options, device_memory, other, &listener) {
    begin_life();
  }
  ScriptedDriver(const ScriptedDriver&) = delete;

  std::shared_ptr<pci::GuestMemory> guest_memory() const {
    return std::make_shared<pci::GuestMemory>(std::vector<pci::MemoryRange>{{.address = kMemoryAddress,
                                                                             .size = kMemoryBytes,
                                                                             .readable = true,
                                                                             .writable = true,
                                                                             .bytes = memory->bytes().data(),
                                                                             .owner = memory}});
  }

  // Guest memory.
  // Pages; when all are given, again from the first.
  std::uint64_t allocate(std::size_t bytes) {
    const std::uint64_t pages = (bytes + 4095) / 4096 * 4096;
    if (next_ + pages > kMemoryAddress + kMemoryBytes) next_ = kMemoryAddress + 4096;
    return std::exchange(next_, next_ + pages);
  }
  std::uint8_t* at(std::uint64_t address) { return memory->bytes().data() + (address - kMemoryAddress); }

  // Registers.
  void write(Register which, std::uint32_t value) {
    device.write(0, static_cast<std::uint16_t>(which), 4, value);
  }
  std::uint32_t read(Register which) {
    return static_cast<std::uint32_t>(device.read(0, static_cast<std::uint16_t>(which), 4));
  }
  std::optional<std::uint32_t> read_by_request(Register which) {
    const auto id = ++read_id_;
    const auto offset = static_cast<std::uint16_t>(which);
    pci::store_little_endian<std::uint16_t>(at(read_response), static_cast<std::uint16_t>(id + 0xdead));
    write(Register::kReadRequest, id | std::uint32_t{offset} << 16);
    if (pci::load_little_endian<std::uint16_t>(at(read_response)) != id) return std::nullopt;
    if (pci::load_little_endian<std::uint16_t>(at(read_response) + 2) != offset) return std::nullopt;
    return pci::load_little_endian<std::uint32_t>(at(read_response) + 4);
  }
  void give_read_response() {
    write(Register::kReadResponseLow, static_cast<std::uint32_t>(read_response));
    write(Register::kReadResponseHigh, static_cast<std::uint32_t>(read_response >> 32));
  }

  // The handshake of a reset; false when the device does not follow.
  bool reset(std::uint32_t reason = 0) {
    give_read_response();
    if ((read_by_request(Register::kDeviceStatus).value_or(0) & kDeviceStatusReady) == 0) return false;
    write(Register::kDeviceControl, (reason & 0xf) << 28 | (reason >> 4) << 24 | kDeviceControlReset);
    give_read_response();
    const auto is_in_reset = [&] {
      return (read_by_request(Register::kDeviceStatus).value_or(0) & kDeviceStatusResetInProgress) != 0;
    };
    if (!is_in_reset()) return false;
    write(Register::kDeviceControl, 0);
    return !is_in_reset();
  }

  // Rings.
  void give_admin_queue(std::uint16_t depth = 32) {
    depth_ = depth;
    tail_ = 0;
    answers_seen_ = 0;
    commands_ = allocate(depth * 64u);
    answers_ = allocate(depth * 64u);
    std::memset(at(answers_), 0, depth * 64u);
    write(Register::kAdminQueueBaseLow, static_cast<std::uint32_t>(commands_));
    write(Register::kAdminQueueBaseHigh, static_cast<std::uint32_t>(commands_ >> 32));
    write(Register::kAdminCompletionBaseLow, static_cast<std::uint32_t>(answers_));
    write(Register::kAdminCompletionBaseHigh, static_cast<std::uint32_t>(answers_ >> 32));
    write(Register::kAdminQueueCapabilities, 64u << 16 | depth);
    write(Register::kAdminCompletionCapabilities, 64u << 16 | depth);
  }
  void give_event_queue(std::uint16_t depth = 16) {
    event_depth_ = depth;
    events_seen_ = 0;
    events_ = allocate(depth * 64u);
    std::memset(at(events_), 0, depth * 64u);
    write(Register::kEventQueueBaseLow, static_cast<std::uint32_t>(events_));
    write(Register::kEventQueueBaseHigh, static_cast<std::uint32_t>(events_ >> 32));
    write(Register::kEventQueueCapabilities, 64u << 16 | depth);
  }
  void enable_events() { write(Register::kEventQueueHeadDoorbell, event_depth_); }
  // Events that came; the device may write as many more only with `consume`.
  std::vector<ScriptedEvent> take_events(bool consume = true) {
    std::vector<ScriptedEvent> taken;
    while (taken.size() <= event_depth_) {
      const std::uint8_t* const entry = at(events_) + (events_seen_ & (event_depth_ - 1u)) * 64;
      if ((entry[4] & 1) != ((events_seen_ / event_depth_ & 1) == 0 ? 1 : 0)) break;
      ScriptedEvent event{.group = pci::load_little_endian<std::uint16_t>(entry)};
      std::copy_n(entry + 16, event.data.size(), event.data.begin());
      taken.push_back(event);
      ++events_seen_;
    }
    if (consume && !taken.empty()) {
      write(Register::kEventQueueHeadDoorbell, static_cast<std::uint16_t>(event_depth_ + events_seen_));
    }
    return taken;
  }

  // Commands. An answer of kUnknownError: none came.
  ScriptedAnswer execute(AdminCommand command) {
    command.bytes[3] |= (tail_ / depth_ & 1) == 0 ? 1 : 0;
    pci::store_little_endian<std::uint16_t>(command.bytes.data(), tail_ & 0xfff);
    std::ranges::copy(command.bytes, at(commands_) + (tail_ & (depth_ - 1u)) * 64);
    ++tail_;
    write(Register::kAdminQueueDoorbell, tail_);
    const std::uint8_t* const entry = at(answers_) + (answers_seen_ & (depth_ - 1u)) * 64;
    const std::uint8_t phase = (answers_seen_ / depth_ & 1) == 0 ? 1 : 0;
    if ((entry[3] & 1) != phase || pci::load_little_endian<std::uint16_t>(entry) != command.id()) return {};
    if (pci::load_little_endian<std::uint16_t>(entry + 6) != tail_) return {};
    ++answers_seen_;
    ScriptedAnswer answer{.status = static_cast<AdminStatus>(entry[2])};
    std::copy_n(entry + 8, answer.bytes.size(), answer.bytes.begin());
    return answer;
  }
  static AdminCommand command(AdminOpcode opcode, Buffer buffer = {}) {
    AdminCommand command;
    command.bytes[2] = static_cast<std::uint8_t>(opcode);
    if (buffer.length > 0) command.bytes[3] = 4;  // "Indirect", as Linux does.
    pci::store_little_endian(&command.bytes[4], buffer.length);
    pci::store_little_endian(&command.bytes[8], static_cast<std::uint32_t>(buffer.address));
    pci::store_little_endian(&command.bytes[12], static_cast<std::uint16_t>(buffer.address >> 32));
    return command;
  }
  ScriptedAnswer get_feature(std::uint8_t feature, Buffer buffer = {}, std::uint8_t version = 0) {
    AdminCommand get = command(AdminOpcode::kGetFeature, buffer);
    get.bytes[16] = 1;
    get.bytes[17] = feature;
    get.bytes[18] = version;
    return execute(get);
  }
  ScriptedAnswer set_feature(std::uint8_t feature, std::initializer_list<std::uint32_t> words,
                             Buffer buffer = {}) {
    AdminCommand set = command(AdminOpcode::kSetFeature, buffer);
    set.bytes[17] = feature;
    std::size_t place = 20;
    for (const std::uint32_t word : words) {
      pci::store_little_endian(&set.bytes[place], word);
      place += 4;
    }
    return execute(set);
  }
  ScriptedAnswer set_host(std::string_view kernel = "6.12.107") {
    const std::uint64_t page = allocate(4096);
    pci::store_little_endian<std::uint32_t>(at(page), 1);
    std::ranges::copy(kernel, at(page) + 136);
    pci::store_little_endian<std::uint32_t>(at(page) + 172, 0x0000'0102u | 'K' << 24);
    pci::store_little_endian<std::uint16_t>(at(page) + 188, 4);
    return set_feature(28, {static_cast<std::uint32_t>(page), static_cast<std::uint32_t>(page >> 32)});
  }

  struct CompletionQueueRequest {
    std::uint8_t entry_words = 2;
    std::uint16_t depth = 256;
    std::uint32_t vector = 1;
    bool by_interrupt = true;
    std::uint64_t address = kMemoryAddress + 0x7'0040;
  };
  static AdminCommand create_completion_queue(const CompletionQueueRequest& request) {
    AdminCommand create = command(AdminOpcode::kCreateCompletionQueue);
    create.bytes[4] = request.by_interrupt ? 1 << 5 : 0;
    create.bytes[5] = request.entry_words;
    pci::store_little_endian(&create.bytes[6], request.depth);
    pci::store_little_endian(&create.bytes[8], request.vector);
    pci::store_little_endian(&create.bytes[12], request.address);
    return create;
  }
  struct SubmissionQueueRequest {
    std::uint8_t direction = 1;  // 1 transmit, 2 receive.
    std::uint8_t placement = 1;  // 1 host, 3 device.
    std::uint8_t policy = 0;
    std::uint16_t completion_queue = 0;
    std::uint16_t depth = 256;
    bool contiguous = true;
    std::uint64_t address = kMemoryAddress + 0x7'8040;
  };
  static AdminCommand create_submission_queue(const SubmissionQueueRequest& request) {
    AdminCommand create = command(AdminOpcode::kCreateSubmissionQueue);
    create.bytes[4] = static_cast<std::uint8_t>(request.direction << 5);
    create.bytes[6] = static_cast<std::uint8_t>(request.placement | request.policy << 4);
    create.bytes[7] = request.contiguous ? 1 : 0;
    pci::store_little_endian(&create.bytes[8], request.completion_queue);
    pci::store_little_endian(&create.bytes[10], request.depth);
    pci::store_little_endian(&create.bytes[12], request.address);
    return create;
  }
  static AdminCommand destroy_submission_queue(std::uint16_t index, std::uint8_t direction) {
    AdminCommand destroy = command(AdminOpcode::kDestroySubmissionQueue);
    pci::store_little_endian(&destroy.bytes[4], index);
    destroy.bytes[6] = static_cast<std::uint8_t>(direction << 5);
    return destroy;
  }
  static AdminCommand destroy_completion_queue(std::uint16_t index) {
    AdminCommand destroy = command(AdminOpcode::kDestroyCompletionQueue);
    pci::store_little_endian(&destroy.bytes[4], index);
    return destroy;
  }

  // As far as a driver comes before its first queue.
  void begin(std::uint32_t event_groups = 0x1f) {
    reset();
    give_admin_queue();
    give_event_queue();
    set_feature(26, {0, event_groups});
    enable_events();
  }

  ScriptedDescriptors descriptors;
  std::shared_ptr<ScriptedMemory> memory = std::make_shared<ScriptedMemory>(kMemoryBytes);
  std::shared_ptr<ScriptedInterrupt> interrupt = std::make_shared<ScriptedInterrupt>();
  FakeDataPath data_path;
  ScriptedListener listener;
  DeviceMemory device_memory;
  Controller device;
  std::uint64_t read_response = kMemoryAddress;

 private:
  void begin_life() {
    device.set_memory(guest_memory());
    device.set_interrupt(0, interrupt);
    data_path.take_calls();
  }

  std::uint64_t next_ = kMemoryAddress + 4096;
  std::uint16_t read_id_ = 0;
  std::uint16_t depth_ = 32;
  std::uint16_t tail_ = 0;
  std::uint32_t answers_seen_ = 0;
  std::uint64_t commands_ = kMemoryAddress;
  std::uint64_t answers_ = kMemoryAddress;
  std::uint16_t event_depth_ = 16;
  std::uint32_t events_seen_ = 0;
  std::uint64_t events_ = kMemoryAddress;
};

}  // namespace enid::devices::ena
