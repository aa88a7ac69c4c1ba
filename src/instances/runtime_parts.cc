#include "instances/runtime_parts.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>

#include "host/unique_fd.h"

namespace enid::instances {
namespace {

constexpr std::size_t kConsoleBytes = 64 * 1024;

}  // namespace

Result<control::ConsoleOutput> read_console(const std::string& path) {
  const host::UniqueFd log(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!log.is_open()) return errno_failure("open the console's log " + path);
  ::flock(log.get(), LOCK_SH);  // Against Console's moving of the tail.
  struct stat file{};
  ::fstat(log.get(), &file);
  const auto size = static_cast<std::size_t>(file.st_size);
  control::ConsoleOutput output;
  output.text.resize(std::min(size, kConsoleBytes));
  const ssize_t count = ::pread(log.get(), output.text.data(), output.text.size(),
                                static_cast<off_t>(size - output.text.size()));
  output.text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  output.modified_milliseconds_since_epoch = file.st_mtim.tv_sec * 1000 + file.st_mtim.tv_nsec / 1'000'000;
  return output;
}

std::vector<InstanceId> instances_in(const std::string& folder) {
  std::vector<InstanceId> ids;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (const auto id = InstanceId::parse(entry.path().filename().string())) ids.push_back(*id);
  std::ranges::sort(ids);
  return ids;
}

void stop_every(control::InstanceRuntime& runtime, const std::vector<InstanceId>& ids,
                control::InstanceRuntime::Done done) {
  if (ids.empty()) return done({});
  struct Outcome {
    std::mutex mutex;
    std::size_t left = 0;
    Result<void> worst;
  };
  auto outcome = std::make_shared<Outcome>();
  outcome->left = ids.size();
  for (const InstanceId& id : ids) {
    runtime.stop(id, false, [outcome, done](Result<void> stopped) {
      const std::lock_guard lock(outcome->mutex);
      if (!stopped) outcome->worst = std::move(stopped);
      if (--outcome->left == 0) done(outcome->worst);
    });
  }
}

}  // namespace enid::instances
