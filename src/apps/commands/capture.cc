// enid capture: the daemon streams pcapng; this writes it where it is wanted.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/operator_client.h"
#include "apps/operator_http.h"

namespace enid::apps {
namespace {

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

int run_capture(const CaptureOptions& options) {
  StateFolder folder(options.state);
  if (!options.interfaces.empty()) {
    const auto other = folder_with(folder, options.interfaces.front());
    if (!other) return complain(other.error());
    folder = *other;
  }
  int output = STDOUT_FILENO;
  if (options.file != "-") {
    output = ::open(options.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (output < 0) return complain(errno_failure("open " + options.file).error());
  } else if (::isatty(output) != 0) {
    fmt::print(stderr,
               "enid: a capture is not for a terminal; write it with -w FILE, or pipe it: | tshark -r -\n");
    return 2;
  }
  std::string target = fmt::format("/capture?packets={}&interfaces=", options.packets);
  for (const std::string& name : options.interfaces) target += percent_encode(name) + ",";
  // An interrupt (Ctrl-C) ends the process; all that was written is whole blocks.
  const auto reply = operator_stream(folder.socket(), target,
                                     [&](std::string_view bytes) { return write_all(output, bytes); });
  if (!reply) {
    const bool nobody = reply.error().code == std::errc::connection_refused ||
                        reply.error().code == std::errc::no_such_file_or_directory ||
                        reply.error().code == std::errc::permission_denied;
    return complain(nobody ? Error{reply.error().code, no_daemon_message(folder)} : reply.error());
  }
  if (reply->status != 200) {
    const nlohmann::json answer = nlohmann::json::parse(reply->body, nullptr, false);
    fmt::print(stderr, "enid: {}\n", answer.is_object() ? answer.value("error", "refused") : "refused");
    return 1;
  }
  return 0;
}

}  // namespace enid::apps
