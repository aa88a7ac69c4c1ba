#include "apps/companion_programs.h"

#include <cstdlib>
#include <filesystem>

namespace enid::apps {

std::string guest_fetch_program() {
  const char* named = std::getenv("ENID_GUEST_FETCH");
  return named != nullptr ? named : ENID_GUEST_FETCH;
}

std::string own_program() { return "/proc/self/exe"; }

std::string guest_agent_program() {
  std::error_code code;
  return std::filesystem::read_symlink("/proc/self/exe", code).parent_path() / "enid-guest-agent";
}

}  // namespace enid::apps
