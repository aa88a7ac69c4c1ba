#include "apps/state_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <utility>

namespace enid::apps {
namespace {

Result<void> make_private_folder(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    ::mkdir(path.substr(0, slash).c_str(), 0755);  // Parents; what cannot be made shows below.
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return errno_failure("make the state folder " + path);
  struct stat now{};
  if (::stat(path.c_str(), &now) != 0) return errno_failure("look at the state folder " + path);
  if (!S_ISDIR(now.st_mode)) {
    return failure(std::make_error_code(std::errc::not_a_directory), path + " is not a folder");
  }
  if ((now.st_mode & 0777) != 0700 && ::chmod(path.c_str(), 0700) != 0) {
    return errno_failure("make the state folder " + path + " private");
  }
  return {};
}

pid_t read_pid(int fd) {
  char text[32] = {};
  if (::pread(fd, text, sizeof text - 1, 0) <= 0) return 0;
  return static_cast<pid_t>(std::atol(text));
}

}  // namespace

Result<void> StateFolder::prepare() const {
  TRY(make_private_folder(path_));
  return make_private_folder(instances());
}

std::optional<pid_t> StateFolder::running_daemon() const {
  const int fd = ::open(pid_file().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::optional<pid_t> holder;
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) holder = read_pid(fd);
  ::close(fd);
  return holder;
}

std::string StateFolder::endpoint() const {
  std::ifstream file(endpoint_file());
  std::string line;
  std::getline(file, line);
  return line;
}

Result<StateLock> StateLock::take(const StateFolder& folder) {
  const int fd = ::open(folder.pid_file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return errno_failure("open " + folder.pid_file());
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const pid_t holder = read_pid(fd);
    ::close(fd);
    return failure(
        std::make_error_code(std::errc::device_or_resource_busy),
        fmt::format("another enid (process {}) already runs on the state {}; give this one its own --state "
                    "and --listen, or stop that one with: enid down --state {}",
                    holder, folder.path(), folder.path()));
  }
  StateLock lock(fd);
  TRY(lock.write_pid());
  return lock;
}

StateLock::StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StateLock::~StateLock() {
  if (fd_ < 0) return;
  // The file stays: removing it would let two daemons lock two files of one name.
  if (::ftruncate(fd_, 0) != 0) { /* Only the number inside is stale; the lock is what counts. */
  }
  ::close(fd_);
}

Result<void> StateLock::write_pid() const {
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, text.data(), text.size(), 0) < 0)
    return errno_failure("write the pid file");
  return {};
}

}  // namespace enid::apps
