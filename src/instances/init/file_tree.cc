#include "instances/init/file_tree.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "host/unique_fd.h"

namespace enid::instances {
namespace {

// Every path below is relative to the new root, which is the working directory.

Result<void> mount_at(const char* source, const std::string& target, const char* type, unsigned long flags,
                      const char* data = nullptr) {
  if (::mount(source, target.c_str(), type, flags, data) != 0) return errno_failure("mount " + target);
  return {};
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool is_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

Result<void> mount_root() {
  const unsigned long flags = MS_NODEV;
  if (::mount("overlay", "root/merged", "overlay", flags,
              "lowerdir=/,upperdir=root/upper,workdir=root/work") == 0)
    return {};
  // Chosen: changes in memory, where the file system below cannot hold them.
  TRY(mount_at("tmpfs", "root/work", "tmpfs", MS_NODEV, "mode=0755"));
  ::mkdir("root/work/upper", 0755);
  ::mkdir("root/work/work", 0700);
  return mount_at("overlay", "root/merged", "overlay", flags,
                  "lowerdir=/,upperdir=root/work/upper,workdir=root/work/work");
}

// Mount points hold \040 and the like for spaces (proc(5)).
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain.push_back(
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0'));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

// Folders where the host has mounted another file system that holds files, as an overlay does
// not look into them.
std::vector<std::string> other_file_systems() {
  static constexpr std::array<std::string_view, 14> kHoldFiles = {
      "ext2",  "ext3",     "ext4",    "xfs", "btrfs",    "f2fs", "zfs",
      "erofs", "squashfs", "overlay", "9p",  "virtiofs", "nfs",  "nfs4"};
  static constexpr std::array<std::string_view, 8> kOurs = {"/proc", "/sys",     "/dev",  "/run",
                                                            "/tmp",  "/var/tmp", "/root", "/boot"};
  std::vector<std::string> found;
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string skipped;
    std::string point;
    std::string type;
    fields >> skipped >> skipped >> skipped >> skipped >> point;
    while (fields >> skipped && skipped != "-") continue;
    fields >> type;
    point = unescape(point);
    if (point == "/" || std::ranges::find(kHoldFiles, type) == kHoldFiles.end()) continue;
    if (std::ranges::any_of(kOurs, [&](std::string_view ours) { return is_below(point, ours); })) continue;
    if (std::filesystem::is_directory(point)) found.push_back(point);
  }
  return found;
}

// What an overlay's option may hold: its separators are escaped.
std::string escape(std::string_view path) {
  std::string escaped;
  for (const char c : path) {
    if (c == ':' || c == ',' || c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

void show_other_file_systems(const std::vector<std::string>& hidden) {
  for (const std::string& point : other_file_systems()) {
    if (std::ranges::any_of(hidden, [&](const std::string& each) { return is_below(point, each); })) continue;
    // An overlay again, not a bind: through a bind the host's sockets could be reached, as they
    // are found by inode. Without an upper folder it is read-only, and wants two lower ones.
    const std::string layers = "lowerdir=" + escape(point) + ":../empty";
    // A mount point that a later mount covers has no place in the new tree; nothing is lost.
    ::mount("overlay", point.substr(1).c_str(), "overlay", MS_NODEV | MS_RDONLY, layers.c_str());
  }
}

Result<void> mount_empty(const std::string& target, const char* data, unsigned long flags = 0) {
  if (!exists(target)) return {};
  return mount_at("tmpfs", target, "tmpfs", MS_NODEV | MS_NOSUID | flags, data);
}

Result<void> protect(const std::string& target) {
  if (!exists(target)) return {};
  TRY(mount_at(target.c_str(), target, nullptr, MS_BIND));
  return mount_at(nullptr, target, nullptr,
                  MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

Result<void> cover_file(const std::string& target) {
  if (!exists(target)) return {};
  return mount_at("dev/null", target, nullptr, MS_BIND);
}

Result<void> make_devices() {
  TRY(mount_at("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=1m"));
  struct Device {
    const char* name;
    unsigned major;
    unsigned minor;
  };
  for (const Device& device : {Device{"null", 1, 3}, Device{"zero", 1, 5}, Device{"full", 1, 7},
                               Device{"random", 1, 8}, Device{"urandom", 1, 9}, Device{"tty", 5, 0}}) {
    const std::string path = std::string("dev/") + device.name;
    if (::mknod(path.c_str(), S_IFCHR | 0666, ::makedev(device.major, device.minor)) != 0)
      return errno_failure("make " + path);
    ::chmod(path.c_str(), 0666);
  }
  for (const auto& [target, name] : {std::pair{"/proc/self/fd", "dev/fd"},
                                     {"/proc/self/fd/0", "dev/stdin"},
                                     {"/proc/self/fd/1", "dev/stdout"},
                                     {"/proc/self/fd/2", "dev/stderr"},
                                     {"pts/ptmx", "dev/ptmx"}})
    if (::symlink(target, name) != 0) return errno_failure(std::string("make ") + name);
  ::mkdir("dev/pts", 0755);
  ::mkdir("dev/shm", 01777);
  TRY(mount_at("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
               "newinstance,ptmxmode=0666,mode=0620,gid=5"));
  return mount_at("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=64m");
}

Result<void> make_kernel_views() {
  TRY(mount_at("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC));
  TRY(mount_at("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY));
  for (const char* path : {"proc/sys", "proc/irq", "proc/bus", "proc/fs", "proc/sysrq-trigger"})
    TRY(protect(path));
  // A machine may tune its own network; these files are those of the network namespace.
  TRY(mount_at("proc/sys/net", "proc/sys/net", nullptr, MS_BIND));
  TRY(mount_at(nullptr, "proc/sys/net", nullptr, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC));
  for (const char* path :
       {"proc/kcore", "proc/kmsg", "proc/keys", "proc/sched_debug", "proc/timer_list", "proc/latency_stats"})
    TRY(cover_file(path));
  for (const char* path : {"proc/acpi", "proc/scsi"}) TRY(mount_empty(path, "mode=0555,size=4k", MS_RDONLY));
  return {};
}

Result<void> replace_file(const std::string& path, const std::string& text) {
  ::unlink(path.c_str());  // It may be a symbolic link to a file of the host's /run.
  host::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.is_open()) return errno_failure("open " + path);
  if (::write(file.get(), text.data(), text.size()) < 0) return errno_failure("write " + path);
  return {};
}

Result<void> write_settings(const std::string& hostname) {
  TRY(replace_file("etc/hostname", hostname + "\n"));
  TRY(replace_file("etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"));
  return replace_file("etc/resolv.conf", "");
}

}  // namespace

Result<void> enter_file_tree(const FileTreeOptions& options) {
  TRY(mount_at(nullptr, "/", nullptr, MS_REC | MS_PRIVATE));  // Nothing done here shows outside.
  if (::chdir(options.folder.c_str()) != 0) return errno_failure("enter " + options.folder);
  TRY(mount_root());
  const std::string home = options.folder + "/home";
  if (::chdir("root/merged") != 0) return errno_failure("enter the instance's root");

  show_other_file_systems(options.hidden);
  TRY(mount_at(home.c_str(), "root", nullptr, MS_BIND));
  // The new root is put over the old one, which is then let go (pivot_root(2), "." and ".").
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return errno_failure("change the root");
  if (::umount2(".", MNT_DETACH) != 0) return errno_failure("let go of the host's root");
  if (::chdir("/") != 0) return errno_failure("enter the new root");

  // From here on paths are resolved as the instance will resolve them, symbolic links too.
  TRY(make_devices());
  TRY(make_kernel_views());
  TRY(mount_empty("run", "mode=0755,size=64m"));
  for (const char* path : {"tmp", "var/tmp"}) TRY(mount_empty(path, "mode=1777,size=512m"));
  // The last two are the states of another daemon and of a card on this machine.
  for (const char* path :
       {"etc/ssh", "etc/ssl/private", "var/lib/private", "var/lib/enid", "var/lib/enid-card"})
    TRY(mount_empty(path, "mode=0755,size=1m"));
  for (const char* path : {"etc/shadow", "etc/gshadow", "etc/shadow-", "etc/gshadow-"}) TRY(cover_file(path));
  for (const std::string& hidden : options.hidden)
    TRY(mount_empty(hidden.substr(1), "mode=0000,size=4k", MS_RDONLY));
  TRY(write_settings(options.hostname));

  return {};
}

}  // namespace enid::instances
