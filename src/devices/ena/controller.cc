#include "devices/ena/controller.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/check.h"
#include "devices/ena/admin_statistics.h"

namespace enid::devices::ena {
namespace {

constexpr std::uint16_t kAmazon = 0x1d0f;
constexpr std::uint16_t kElasticNetworkAdapter = 0xec20;
constexpr std::uint32_t kEthernetClass = 0x02'0000;
constexpr std::uint8_t kRegisterBar = 0;
constexpr std::uint8_t kLowLatencyBar = 2;
constexpr Duration kKeepAlivePeriod = Duration::from_seconds(1);

pci::PciDescription describe(const ControllerOptions& options, const DeviceMemory& memory) {
  pci::PciDescription description{.vendor = kAmazon,
                                  .device = kElasticNetworkAdapter,
                                  .subsystem_vendor = kAmazon,
                                  .subsystem_device = kElasticNetworkAdapter,
                                  .revision = 0,  // Bit 0 clear: answers readless requests.
                                  .class_code = kEthernetClass,
                                  .bars = {},
                                  .vectors = options.vectors,
                                  .msix_bar = kRegisterBar,
                                  .msix_table = kMsixTableOffset,
                                  .msix_pending = kMsixPendingOffset};
  description.bars.push_back({.index = kRegisterBar,
                              .size = kRegisterBarBytes,
                              .mapped = {{.offset = kDoorbellPageOffset,
                                          .size = kDoorbellPageBytes,
                                          .file = memory.doorbells.file,
                                          .file_offset = 0}}});
  if (options.low_latency) {
    description.bars.push_back(
        {.index = kLowLatencyBar,
         .size = kLowLatencyBarBytes,
         .is_prefetchable = true,
         .mapped = {
             {.offset = 0, .size = kLowLatencyBarBytes, .file = memory.low_latency.file, .file_offset = 0}}});
  }
  return description;
}

}  // namespace

Controller::Controller(const ControllerOptions& options, DeviceMemory memory, DataPath& data_path,
                       DeviceListener* listener)
    : options_(options),
      device_memory_(std::move(memory)),
      data_path_(data_path),
      listener_(listener),
      description_(describe(options_, device_memory_)),
      memory_(std::make_shared<pci::GuestMemory>()),
      features_(options_, data_path, events_),
      queues_(options_, data_path) {
  CHECK(options.queue_pairs >= 1 && options.queue_pairs <= kQueuePairsMax);
  CHECK(options.vectors >= 2 && options.vectors <= kVectorsMax);
  reset_device();
}

Bytes Controller::mapped(std::uint8_t bar, std::uint64_t offset, std::uint8_t size) const {
  Bytes bytes;
  if (bar == kRegisterBar && offset >= kDoorbellPageOffset) {
    bytes = device_memory_.doorbell_page();
    offset -= kDoorbellPageOffset;
  } else if (bar == kLowLatencyBar) {
    bytes = device_memory_.low_latency_bar();
  }
  if (offset >= bytes.size() || size > bytes.size() - offset) return {};
  return bytes.subspan(offset, size);
}

std::uint64_t Controller::read(std::uint8_t bar, std::uint64_t offset, std::uint8_t size) {
  std::uint64_t value = 0;
  if (size > sizeof value) return 0;
  if (bar != kRegisterBar || offset >= kDoorbellPageOffset) {
    const Bytes bytes = mapped(bar, offset, size);
    std::ranges::copy(bytes, reinterpret_cast<std::uint8_t*>(&value));
    return value;
  }
  const auto first = static_cast<std::uint32_t>(offset & ~std::uint64_t{3});
  value = read_register(first) | std::uint64_t{read_register(first + 4)} << 32;
  value >>= (offset & 3) * 8;
  return size == 8 ? value : value & ((std::uint64_t{1} << size * 8) - 1);
}

void Controller::write(std::uint8_t bar, std::uint64_t offset, std::uint8_t size, std::uint64_t value) {
  if (bar != kRegisterBar || offset >= kDoorbellPageOffset) {
    const Bytes bytes = mapped(bar, offset, size);
    if (bytes.size() == 4 && offset % 4 == 0) {
      std::atomic_ref(*reinterpret_cast<std::uint32_t*>(bytes.data()))
          .store(static_cast<std::uint32_t>(value), std::memory_order_release);
    } else if (bytes.size() <= sizeof value) {
      std::copy_n(reinterpret_cast<const std::uint8_t*>(&value), bytes.size(), bytes.begin());
    }
    return;
  }
  if (offset % 4 != 0 || (size != 4 && size != 8)) return;  // No register is written in part.
  write_register(static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(value));
  if (size == 8) {
    write_register(static_cast<std::uint32_t>(offset + 4), static_cast<std::uint32_t>(value >> 32));
  }
}

std::uint32_t Controller::read_register(std::uint32_t offset) const {
  switch (static_cast<Register>(offset)) {
    case Register::kVersion:
      return kVersionValue;
    case Register::kControllerVersion:
      return kControllerVersionValue;
    case Register::kCapabilities:
      return kCapabilitiesValue;
    case Register::kInterruptMask:
      return is_masked_ ? 1 : 0;
    case Register::kDeviceControl:
      return control_;
    case Register::kDeviceStatus:
      return kDeviceStatusReady | (is_broken_ ? kDeviceStatusFatalError : 0) |
             ((control_ & kDeviceControlReset) != 0 ? kDeviceStatusResetInProgress : 0);
    default:
      return 0;
  }
}

void Controller::write_register(std::uint32_t offset, std::uint32_t value) {
  switch (static_cast<Register>(offset)) {
    case Register::kDeviceControl:
      return write_control(value);
    case Register::kReadRequest:
      return answer_read_request(value);
    case Register::kReadResponseLow:
      read_response_ = (read_response_ & ~std::uint64_t{0xffff'ffff}) | value;
      return;
    case Register::kReadResponseHigh:
      read_response_ = (read_response_ & 0xffff'ffff) | std::uint64_t{value} << 32;
      return;
    default:
      // In reset the device listens to nothing else.
      if ((control_ & kDeviceControlReset) == 0) write_queue_register(offset, value);
  }
}

void Controller::write_queue_register(std::uint32_t offset, std::uint32_t value) {
  switch (static_cast<Register>(offset)) {
    case Register::kAdminQueueBaseLow:
      return admin_.commands.set_address_low(value);
    case Register::kAdminQueueBaseHigh:
      return admin_.commands.set_address_high(value);
    case Register::kAdminQueueCapabilities:
      admin_.commands.capabilities = value;
      return;
    case Register::kAdminCompletionBaseLow:
      return admin_.answers.set_address_low(value);
    case Register::kAdminCompletionBaseHigh:
      return admin_.answers.set_address_high(value);
    case Register::kAdminCompletionCapabilities:
      admin_.answers.capabilities = value;
      return;
    case Register::kAdminQueueDoorbell: {
      const auto carry_out_one = [this](const AdminCommand& command, AdminAnswer& answer) {
        return carry_out(command, answer);
      };
      if (admin_.ring(value, *memory_, carry_out_one)) raise();
      return;
    }
    case Register::kEventQueueCapabilities:
      events_.events.capabilities = value;
      return;
    case Register::kEventQueueBaseLow:
      return events_.events.set_address_low(value);
    case Register::kEventQueueBaseHigh:
      return events_.events.set_address_high(value);
    case Register::kEventQueueHeadDoorbell:
      return on_event_head(value);
    case Register::kInterruptMask:
      is_masked_ = (value & 1) != 0;
      return raise_owed();
    default:
      return;
  }
}

void Controller::write_control(std::uint32_t value) {
  const bool was_in_reset = (control_ & kDeviceControlReset) != 0;
  const bool is_in_reset = (value & kDeviceControlReset) != 0;
  if (is_in_reset && !was_in_reset) {
    reset_device();
    ++resets_;
    last_reset_reason_ = reset_reason(value);
    if (listener_ != nullptr) listener_->on_reset(*last_reset_reason_);
  }
  control_ = value;
}

void Controller::answer_read_request(std::uint32_t request) {
  const auto id = static_cast<std::uint16_t>(request);
  const auto offset = static_cast<std::uint16_t>(request >> 16);
  // ena_admin_ena_mmio_req_read_less_resp: id, offset, value. The driver waits for the id.
  const auto place = memory_->writable(read_response_, 8);
  if (!place || read_response_ % alignof(std::uint16_t) != 0) return;
  pci::store_little_endian(place->data() + 2, offset);
  pci::store_little_endian(place->data() + 4, offset % 4 == 0 ? read_register(offset) : 0);
  std::atomic_ref(*reinterpret_cast<std::uint16_t*>(place->data())).store(id, std::memory_order_release);
}

void Controller::on_event_head(std::uint32_t head) {
  const bool was_enabled = events_.is_enabled();
  events_.on_head(head);
  if (!events_.is_enabled()) return;
  if (!was_enabled) {
    events_.note_link(is_link_up_);
    next_keep_alive_ = now_;
  }
  if (events_.send_noted(now_, *memory_)) raise();
}

AdminStatus Controller::carry_out(const AdminCommand& command, AdminAnswer& answer) {
  switch (command.opcode()) {
    case AdminOpcode::kCreateSubmissionQueue:
      return queues_.create_submission_queue(command, answer, features_.is_low_latency_enabled());
    case AdminOpcode::kDestroySubmissionQueue:
      return queues_.destroy_submission_queue(command);
    case AdminOpcode::kCreateCompletionQueue:
      return queues_.create_completion_queue(command, answer);
    case AdminOpcode::kDestroyCompletionQueue:
      return queues_.destroy_completion_queue(command);
    case AdminOpcode::kGetFeature:
      return features_.get(command, answer, *memory_);
    case AdminOpcode::kSetFeature: {
      const AdminStatus status = features_.set(command, *memory_);
      tell_of_host();
      if (events_.send_noted(now_, *memory_)) raise();
      return status;
    }
    case AdminOpcode::kGetStatistics:
      return get_statistics(command, answer, data_path_.statistics(), *memory_);
  }
  return AdminStatus::kUnsupported;
}

void Controller::tell_of_host() {
  if (listener_ == nullptr || !features_.host() || features_.host()->text() == host_told_) return;
  host_told_ = features_.host()->text();
  listener_->on_host(*features_.host());
}

void Controller::set_memory(std::shared_ptr<const pci::GuestMemory> memory) {
  if (memory == nullptr) memory = std::make_shared<pci::GuestMemory>();
  data_path_.set_memory(memory);
  memory_ = std::move(memory);
}

void Controller::set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) {
  if (vector >= options_.vectors) return;
  data_path_.set_interrupt(vector, interrupt);
  interrupts_[vector] = std::move(interrupt);
  if (vector == 0) raise_owed();
}

void Controller::raise() {
  is_interrupt_owed_ = true;
  raise_owed();
}

void Controller::raise_owed() {
  if (!is_interrupt_owed_ || is_masked_ || interrupts_[0] == nullptr) return;
  is_interrupt_owed_ = false;
  interrupts_[0]->raise();
}

void Controller::reset() {
  control_ = 0;
  reset_device();
  // The next guest shall not read what the last one sent.
  std::ranges::fill(device_memory_.low_latency_bar(), std::uint8_t{0});
}

void Controller::reset_device() {
  data_path_.reset();
  queues_.forget_all();
  admin_.reset();
  events_.reset();
  features_.reset();
  data_path_.set_link(is_link_up_);
  read_response_ = 0;
  is_masked_ = false;
  is_interrupt_owed_ = false;
  is_broken_ = false;
  next_keep_alive_ = Instant::never();
  std::ranges::fill(device_memory_.doorbell_page(), std::uint8_t{0});
}

Instant Controller::next_timeout() const { return next_keep_alive_; }

void Controller::on_timeout(Instant now) {
  now_ = now;
  if (now < next_keep_alive_) return;
  next_keep_alive_ = now + kKeepAlivePeriod;
  const DataPathStatistics statistics = data_path_.statistics();
  if (statistics.is_broken && !is_broken_) {
    is_broken_ = true;
    ++times_broken_;
    if (listener_ != nullptr) listener_->on_broken(statistics.broken_because);
    events_.note_reset_wanted();
  }
  bool has_sent = events_.send_noted(now, *memory_);
  if (!is_broken_ && events_.send_keep_alive(now, statistics, *memory_)) has_sent = true;
  if (has_sent) raise();
}

void Controller::set_link(bool is_up) {
  if (is_up == is_link_up_) return;
  is_link_up_ = is_up;
  data_path_.set_link(is_up);
  events_.note_link(is_up);
  if (events_.send_noted(now_, *memory_)) raise();
}

void Controller::resume_data_path() {
  data_path_.set_memory(memory_);
  for (std::uint16_t vector = 0; vector < options_.vectors; ++vector) {
    data_path_.set_interrupt(vector, interrupts_[vector]);
  }
  data_path_.set_link(is_link_up_);
  features_.resume();
  queues_.resume();
}

}  // namespace enid::devices::ena
