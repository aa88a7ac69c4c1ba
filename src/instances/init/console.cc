#include "instances/init/console.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>

#include <array>
#include <cstdlib>
#include <string>

namespace enid::instances {

Result<void> Console::make_device() {
  master_ = host::UniqueFd(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!master_.is_open()) return errno_failure("open /dev/ptmx");
  int number = 0;
  int unlock = 0;
  if (::ioctl(master_.get(), TIOCSPTLCK, &unlock) != 0 || ::ioctl(master_.get(), TIOCGPTN, &number) != 0)
    return errno_failure("make the console");
  const std::string name = "/dev/pts/" + std::to_string(number);
  slave_ = host::UniqueFd(::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave_.is_open()) return errno_failure("open " + name);
  termios mode{};
  ::tcgetattr(slave_.get(), &mode);
  ::cfmakeraw(&mode);
  ::tcsetattr(slave_.get(), TCSANOW, &mode);
  host::UniqueFd place(::open("/dev/console", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (::mount(name.c_str(), "/dev/console", nullptr, MS_BIND, nullptr) != 0)
    return errno_failure("make /dev/console");
  return {};
}

void Console::drain() {
  std::array<char, 16 * 1024> bytes;
  // Bounded, so that a process that only writes cannot keep the init from its other duties.
  for (int round = 0; round < 16 && master_.is_open(); ++round) {
    const ssize_t count = ::read(master_.get(), bytes.data(), bytes.size());
    if (count <= 0) return;
    append({bytes.data(), static_cast<std::size_t>(count)});
  }
}

void Console::write(std::string_view text) {
  drain();
  append("enid: " + std::string(text) + "\r\n");
}

void Console::append(std::string_view bytes) {
  if (!log_.is_open()) return;
  ::flock(log_.get(), LOCK_EX);
  struct stat file{};
  ::fstat(log_.get(), &file);
  auto size = static_cast<std::size_t>(file.st_size);
  if (size + bytes.size() > 2 * kKeptBytes) {
    std::string tail(kKeptBytes, '\0');
    const ssize_t count =
        ::pread(log_.get(), tail.data(), tail.size(), static_cast<off_t>(size - kKeptBytes));
    size = count > 0 ? static_cast<std::size_t>(count) : 0;
    if (::ftruncate(log_.get(), 0) == 0 && ::pwrite(log_.get(), tail.data(), size, 0) < 0) size = 0;
  }
  // A full disk loses console text, and nothing else.
  [[maybe_unused]] const ssize_t written =
      ::pwrite(log_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size));
  ::flock(log_.get(), LOCK_UN);
}

}  // namespace enid::instances
