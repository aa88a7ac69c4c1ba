#include "instances/qemu/machine_memory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace enid::instances {
namespace {

constexpr std::int64_t kShare = 4;
constexpr std::int64_t kStep = 64;  // Round numbers are easier to recognize.

}  // namespace

std::uint32_t machine_memory(std::int64_t of_type, std::int64_t spare) {
  const std::int64_t wanted = std::min(of_type, spare / kShare);
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(wanted / kStep * kStep, kMachineMemoryMebibytesMin, UINT32_MAX));
}

std::int64_t available_memory_mebibytes() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::int64_t kibibytes = 0;
  std::string unit;
  while (file >> key >> kibibytes && std::getline(file, unit))
    if (key == "MemAvailable:") return kibibytes / 1024;
  return 0;
}

std::int64_t untouched_memory_mebibytes(std::int64_t promised, int process) {
  std::ifstream file(fmt::format("/proc/{}/statm", process));
  std::int64_t pages = 0;
  std::int64_t resident = 0;
  if (!(file >> pages >> resident)) return 0;
  return std::max<std::int64_t>(promised - resident * ::sysconf(_SC_PAGESIZE) / (1024 * 1024), 0);
}

std::string machine_size_text(std::uint32_t processors, std::uint32_t memory, std::int64_t of_type) {
  std::string text =
      fmt::format("{} {} and {} MiB", processors, processors == 1 ? "processor" : "processors", memory);
  if (of_type != memory) text += fmt::format("; its type has {} MiB", of_type);
  return text;
}

}  // namespace enid::instances
