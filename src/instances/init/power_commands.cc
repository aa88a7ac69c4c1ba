#include "instances/init/power_commands.h"

#include <sys/stat.h>

#include <array>
#include <fstream>
#include <string>
#include <utility>

namespace enid::instances {
namespace {

constexpr const char* kPowerOff = "#!/bin/sh\nexec kill -USR2 1\n";
constexpr const char* kReboot = "#!/bin/sh\nexec kill -TERM 1\n";
constexpr const char* kShutdown = R"(#!/bin/sh
# shutdown [-r|-h|-P] [now|+minutes]
signal=USR2
minutes=1
for word; do
  case $word in
    -r|--reboot) signal=TERM ;;
    now) minutes=0 ;;
    +[0-9]*) minutes=${word#+} ;;
  esac
done
[ "$minutes" = 0 ] && exec kill -$signal 1
(sleep $((minutes * 60)); kill -$signal 1) >/dev/null 2>&1 </dev/null &
)";

}  // namespace

Result<void> write_power_commands() {
  ::mkdir("/run/enid", 0755);
  ::mkdir("/run/enid/bin", 0755);
  for (const auto& [name, text] : {std::pair{"poweroff", kPowerOff},
                                   {"halt", kPowerOff},
                                   {"reboot", kReboot},
                                   {"shutdown", kShutdown}}) {
    const std::string path = std::string("/run/enid/bin/") + name;
    std::ofstream(path) << text;
    if (::chmod(path.c_str(), 0755) != 0) return errno_failure("make " + path);
  }
  return {};
}

}  // namespace enid::instances
