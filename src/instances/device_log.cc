#include "instances/device_log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "devices/ena/registers.h"

namespace enid::instances {
namespace {

constexpr Duration kMinute = Duration::from_seconds(60);

// ena_regs_reset_reason_types: a driver begins, a driver ends, somebody asked for it.
bool is_expected(std::uint32_t reason) { return reason == 0 || reason == 11 || reason == 12; }

}  // namespace

DeviceLog::DeviceLog(std::string name, Write write, std::function<Instant()> now)
    : name_(std::move(name)), write_(std::move(write)), now_(std::move(now)), minute_began_(now_()) {}

void DeviceLog::say(bool is_trouble, const std::string& what) {
  if (const Instant now = now_(); now >= minute_began_ + kMinute) {
    minute_began_ = now;
    lines_ = 0;
  }
  if (lines_ >= kLinesAMinute) {
    ++unsaid_;
    return;
  }
  ++lines_;
  if (const std::uint64_t unsaid = std::exchange(unsaid_, 0); unsaid != 0)
    write_(true, fmt::format("{}: {} more events of its device are not told here", name_, unsaid));
  write_(is_trouble, name_ + ": " + what);
}

void DeviceLog::on_host(const devices::ena::HostInformation& host) {
  say(false, "its driver says: " + host.text());
}

void DeviceLog::on_reset(std::uint32_t reason) {
  say(!is_expected(reason), fmt::format("its driver resets the device: {}, reason {}",
                                        devices::ena::reset_reason_name(reason), reason));
}

void DeviceLog::on_broken(std::string_view because) {
  say(true, fmt::format("the guest broke a rule, its device carries nothing until it is reset: {}", because));
}

DeviceLog::Write write_to_log() {
  return [](bool is_trouble, const std::string& line) {
    spdlog::log(is_trouble ? spdlog::level::warn : spdlog::level::info, "{}", line);
  };
}

}  // namespace enid::instances
