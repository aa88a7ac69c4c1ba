// DeviceLog: what an emulated device's driver does, as lines of a log.
//
// Theory of operation
//   One line for what the driver says of its system, for each reset with its reason, and for each rule of
//   the rings that the guest broke. Whatever a guest does by itself in a loop must not fill a disk: beyond
//   kLinesAMinute, lines are only counted, and the next minute's first line says how many.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/time.h"
#include "devices/ena/device_listener.h"

namespace enid::instances {

class DeviceLog final : public devices::ena::DeviceListener {
 public:
  static constexpr int kLinesAMinute = 20;
  // Trouble is what whoever runs the guest would want to look into.
  using Write = std::function<void(bool is_trouble, const std::string& line)>;

  // `name` begins each line: whose device it is.
  DeviceLog(std::string name, Write write, std::function<Instant()> now);

  void on_host(const devices::ena::HostInformation& host) override;
  void on_reset(std::uint32_t reason) override;
  void on_broken(std::string_view because) override;

 private:
  void say(bool is_trouble, const std::string& what);

  std::string name_;
  Write write_;
  std::function<Instant()> now_;
  Instant minute_began_;
  int lines_ = 0;
  std::uint64_t unsaid_ = 0;
};

// With spdlog.
DeviceLog::Write write_to_log();

}  // namespace enid::instances
