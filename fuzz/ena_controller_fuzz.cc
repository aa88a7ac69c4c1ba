// A guest that obeys nothing, at the slow half of an ENA device: registers, commands, events.
//
//   The input is a list of records: a byte that says what happens, a length, and that many bytes. The first
//   byte of all says what kind of device it is. A record is a register that is written, bytes put into the
//   guest's memory, a command in a ring that is sound, any access to a BAR, time that passes, or something
//   that the outer world does. The data path insists on what the controller promises it (fake_data_path.h).
#include <algorithm>
#include <array>
#include <cstdint>

#include "devices/ena/scripted_driver.h"
#include "fuzz/input.h"

namespace enid::devices::ena {
namespace {

using fuzz::take;
using fuzz::word;

class Guest {
 public:
  explicit Guest(std::uint8_t kind)
      : driver_({.queue_pairs = static_cast<std::uint16_t>(1 + (kind & 7)),
                 .vectors = static_cast<std::uint16_t>(2 + (kind & 7)),
                 .low_latency = (kind & 8) != 0}) {}

  void act(std::uint8_t what, ConstBytes bytes) {
    switch (what % 8) {
      case 0: {
        const auto which = static_cast<Register>(word<std::uint8_t>(bytes) % 28 * 4);
        return driver_.write(which, word<std::uint32_t>(bytes));
      }
      case 1: {
        const std::uint64_t place = word<std::uint32_t>(bytes) % ScriptedDriver::kMemoryBytes;
        const ConstBytes fitting =
            bytes.first(std::min<std::size_t>(bytes.size(), ScriptedDriver::kMemoryBytes - place));
        std::ranges::copy(fitting, driver_.at(ScriptedDriver::kMemoryAddress + place));
        return;
      }
      case 2: {
        AdminCommand command;
        std::ranges::copy(take(bytes, command.bytes.size()), command.bytes.begin());
        driver_.execute(command);
        return;
      }
      case 3: {
        const auto bar = word<std::uint8_t>(bytes);
        const auto size = static_cast<std::uint8_t>(1 << (word<std::uint8_t>(bytes) & 3));
        const auto offset = word<std::uint32_t>(bytes) % (2 * kLowLatencyBarBytes);
        driver_.device.write(bar, offset, size, word<std::uint64_t>(bytes));
        driver_.device.read(bar, offset, size);
        return;
      }
      case 4:
        now_ = now_ + Duration::from_milliseconds(word<std::uint16_t>(bytes));
        return driver_.device.on_timeout(now_);
      case 5:
        return driver_.begin(word<std::uint8_t>(bytes));
      case 6:
        driver_.take_events(word<std::uint8_t>(bytes) != 0);
        return;
      default:
        return happen(word<std::uint8_t>(bytes));
    }
  }
  void forget_notes() {
    driver_.data_path.calls.clear();
    driver_.data_path.completions.clear();
    driver_.data_path.submissions.clear();
  }

 private:
  void happen(std::uint8_t what) {
    switch (what % 8) {
      case 0:
        return driver_.device.set_link(!driver_.device.is_link_up());
      case 1:
        driver_.data_path.counts.is_broken = true;
        return;
      case 2:
        return driver_.device.set_memory(nullptr);
      case 3:
        return driver_.device.set_memory(driver_.guest_memory());
      case 4:
        return driver_.device.set_interrupt(what / 8, nullptr);
      case 5:
        return driver_.device.set_interrupt(what / 8, driver_.interrupt);
      case 6:
        return driver_.device.reset();
      default:
        driver_.data_path = FakeDataPath();
        return driver_.device.resume_data_path();
    }
  }

  ScriptedDriver driver_;
  Instant now_;
};

void play(ConstBytes input) {
  Guest guest(word<std::uint8_t>(input));
  while (input.size() >= 2) {
    const auto what = word<std::uint8_t>(input);
    const auto length = word<std::uint8_t>(input);
    guest.act(what, take(input, length));
    guest.forget_notes();
  }
}

}  // namespace
}  // namespace enid::devices::ena

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  enid::devices::ena::play({data, size});
  return 0;
}
