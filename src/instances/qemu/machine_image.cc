#include "instances/qemu/machine_image.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "host/unique_fd.h"

namespace enid::instances {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

// Bytes `begin` to `end`, where the kernel can not do it by itself.
Result<void> copy_by_hand(int from, int to, off_t begin, off_t end) {
  std::vector<char> bytes(kCopyBytes);
  while (begin < end) {
    const ssize_t count =
        ::pread(from, bytes.data(), std::min(bytes.size(), static_cast<std::size_t>(end - begin)), begin);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_failure("read a disk's image");
    if (count == 0)
      return failure(std::make_error_code(std::errc::io_error), "a disk's image became shorter");
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          ::pwrite(to, bytes.data() + done, static_cast<std::size_t>(count - done), begin);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return errno_failure("write a disk");
      done += written;
      begin += written;
    }
  }
  return {};
}

Result<void> copy_range(int from, int to, off_t begin, off_t end) {
  while (begin < end) {
    off_t source = begin;
    off_t target = begin;
    const ssize_t count =
        ::copy_file_range(from, &source, to, &target, static_cast<std::size_t>(end - begin), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return copy_by_hand(from, to, begin, end);
    begin += count;
  }
  return {};
}

Result<void> copy_sparse(int from, int to) {
  if (::ioctl(to, FICLONE, from) == 0) return {};
  struct stat status{};
  if (::fstat(from, &status) != 0) return errno_failure("look at a disk's image");
  if (::ftruncate(to, status.st_size) != 0) return errno_failure("make a disk");
  for (off_t at = 0;;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};  // Only holes follow.
    const off_t hole = data < 0 ? -1 : ::lseek(from, data, SEEK_HOLE);
    if (hole < 0) return errno_failure("look for holes in a disk's image");
    TRY(copy_range(from, to, data, hole));
    at = hole;
  }
}

// A second name of the file; a copy where it lies on another file system.
Result<void> link_or_copy(const std::string& from, const std::string& to) {
  const std::string made = to + ".new";
  ::unlink(made.c_str());
  // A link in the place of the file would not be there when the file is replaced.
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, made.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    const host::UniqueFd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source.is_open()) return errno_failure("open " + from);
    const host::UniqueFd target(::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!target.is_open()) return errno_failure("make " + made);
    TRY(copy_sparse(source.get(), target.get()));
  }
  if (std::rename(made.c_str(), to.c_str()) != 0) return errno_failure("make " + to);
  return {};
}

Result<void> make_disk(const std::string& image, const std::string& disk) {
  const std::string made = disk + ".new";
  ::unlink(made.c_str());
  const host::UniqueFd source(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.is_open()) return errno_failure("open " + image);
  const host::UniqueFd target(::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target.is_open()) return errno_failure("make " + made);
  TRY(copy_sparse(source.get(), target.get()));
  // Else its name might outlive a power cut, and its content not.
  if (::fdatasync(target.get()) != 0) return errno_failure("write " + made);
  if (std::rename(made.c_str(), disk.c_str()) != 0) return errno_failure("make " + disk);
  return {};
}

}  // namespace

Result<void> make_machine_image(const std::string& guest, const std::string& folder) {
  const std::string disk = folder + "/" + kMachineDisk;
  if (::access(disk.c_str(), F_OK) == 0) return {};
  TRY(link_or_copy(guest + "/vmlinuz", folder + "/" + kMachineKernel));
  TRY(link_or_copy(guest + "/boot.cpio.zst", folder + "/" + kMachineBootArchive));
  return make_disk(guest + "/root.ext4", disk);
}

}  // namespace enid::instances
