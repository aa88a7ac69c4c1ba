// MachineMemory: how much memory a virtual machine gets.
//
// Theory of operation
//   As much as its instance type has, but at most a quarter of what the host can still spare, and not less
//   than a small guest needs to boot. A machine's memory is the host's only once the guest has touched it, so
//   what running machines were promised and have not touched yet is not spare.
//
// Chosen: all of it. EC2's types have far more memory than a laptop, and a start that failed for that would
// help nobody. The guest's console and the log say what it became.
#pragma once

#include <cstdint>
#include <string>

namespace enid::instances {

inline constexpr std::int64_t kMachineMemoryMebibytesMin = 384;

// Both in mebibytes; `spare` may be negative.
std::uint32_t machine_memory(std::int64_t of_type, std::int64_t spare);

// What the host can give without taking it from anybody: MemAvailable of /proc/meminfo.
std::int64_t available_memory_mebibytes();
// What a machine that runs as `process` was promised and has not touched.
std::int64_t untouched_memory_mebibytes(std::int64_t promised, int process);

// "2 processors and 1024 MiB; its type has 8192 MiB"
std::string machine_size_text(std::uint32_t processors, std::uint32_t memory, std::int64_t of_type);

}  // namespace enid::instances
