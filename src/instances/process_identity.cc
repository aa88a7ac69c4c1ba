#include "instances/process_identity.h"

#include <sys/syscall.h>

#include <fstream>
#include <sstream>

namespace enid::instances {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::optional<ProcessIdentity> ProcessIdentity::of(pid_t pid) {
  const std::string line = first_line("/proc/" + std::to_string(pid) + "/stat");
  // The name (field 2) may hold spaces and parentheses; the fields behind its last one are plain.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string state;
  std::string skipped;
  fields >> state;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  ProcessIdentity identity{pid, 0, first_line("/proc/sys/kernel/random/boot_id")};
  fields >> identity.start_ticks;
  if (!fields || state == "Z" || state == "X") return std::nullopt;
  return identity;
}

std::optional<ProcessIdentity> ProcessIdentity::parse(std::string_view text) {
  std::istringstream fields{std::string(text)};
  ProcessIdentity identity;
  fields >> identity.pid >> identity.start_ticks >> identity.boot;
  if (!fields || identity.pid <= 1) return std::nullopt;
  return identity;
}

std::string ProcessIdentity::text() const {
  return std::to_string(pid) + " " + std::to_string(start_ticks) + " " + boot + "\n";
}

bool ProcessIdentity::is_alive() const { return pid > 1 && of(pid) == *this; }

host::UniqueFd ProcessIdentity::open() const {
  host::UniqueFd descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Looked at after opening: from here on the descriptor cannot mean another process.
  if (!is_alive()) descriptor.reset();
  return descriptor;
}

}  // namespace enid::instances
