#include "srd/counters.h"

namespace enid::srd {

std::string_view name_of(DropReason reason) {
  static constexpr std::array<std::string_view, kDropReasons> kNames = {
      "none",         "unknown context", "bad tag",   "beyond window", "impossible", "not established",
      "stale cookie", "stale reset",     "lost race", "replayed"};
  return kNames[static_cast<std::size_t>(reason) % kDropReasons];
}

}  // namespace enid::srd
