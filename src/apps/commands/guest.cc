// enid guest fetch: prepares what virtual machines run on, with the progress of the script that does it.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "apps/commands/commands.h"
#include "apps/companion_programs.h"
#include "apps/operator_client.h"

namespace enid::apps {

int run_guest_fetch(const GuestOptions& options) {
  const StateFolder folder(options.state);
  if (const auto prepared = folder.prepare(); !prepared) return complain(prepared.error());
  const std::string program = guest_fetch_program();
  const char* refresh = options.refresh ? "--refresh" : nullptr;
  ::execl(program.c_str(), program.c_str(), folder.path().c_str(), refresh, nullptr);
  return complain(errno_failure("run " + program).error());
}

}  // namespace enid::apps
