#include "lab/named_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <utility>

#include "instances/network_namespace.h"
#include "instances/route_socket.h"

namespace enid::lab {
namespace {

std::string path_of(const std::string& name) { return std::string(kNamespaceFolder) + "/" + name; }

// What `ip netns` does the first time: a mount of its own that hands on what is mounted below.
Result<void> prepare_folder() {
  if (::mkdir(kNamespaceFolder, 0755) != 0 && errno != EEXIST) return errno_failure("make /run/netns");
  if (::mount("", kNamespaceFolder, "none", MS_SHARED | MS_REC, nullptr) == 0) return {};
  if (errno != EINVAL) return errno_failure("share /run/netns");
  if (::mount(kNamespaceFolder, kNamespaceFolder, "none", MS_BIND | MS_REC, nullptr) != 0)
    return errno_failure("mount /run/netns");
  if (::mount("", kNamespaceFolder, "none", MS_SHARED | MS_REC, nullptr) != 0)
    return errno_failure("share /run/netns");
  return {};
}

Result<void> set_loopback_up() {
  auto routes = TRY(instances::RouteSocket::open());
  const auto loopback = TRY(routes.find_link("lo"));
  if (!loopback)
    return failure(std::make_error_code(std::errc::no_such_device), "a namespace without loopback");
  return routes.set_link_up(loopback->index, true);
}

using FileIdentity = std::pair<dev_t, ino_t>;

FileIdentity identity_of(const std::string& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return {};
  return {facts.st_dev, facts.st_ino};
}

}  // namespace

Result<void> create_namespace(const std::string& name) {
  TRY(prepare_folder());
  host::UniqueFd before(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!before.is_open()) return errno_failure("open this thread's network namespace");
  const std::string path = path_of(name);
  host::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  if (!file.is_open()) return errno_failure("make " + path);
  if (::unshare(CLONE_NEWNET) != 0) {
    const auto error = errno_failure("make a network namespace");
    ::unlink(path.c_str());
    return error;
  }
  Result<void> done = set_loopback_up();
  if (done && ::mount("/proc/thread-self/ns/net", path.c_str(), "none", MS_BIND, nullptr) != 0)
    done = errno_failure("mount " + path);
  if (::setns(before.get(), CLONE_NEWNET) != 0) return errno_failure("leave a new network namespace");
  if (!done) ::unlink(path.c_str());
  return done;
}

Result<host::UniqueFd> open_namespace(const std::string& name) {
  host::UniqueFd opened(::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened.is_open()) return errno_failure("open the network namespace " + name);
  return opened;
}

Result<void> remove_namespace(const std::string& name) {
  const std::string path = path_of(name);
  // Whoever looks through a mount of its own may still hold it: lazily.
  if (::umount2(path.c_str(), MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT)
    return errno_failure("unmount " + path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return errno_failure("remove " + path);
  return {};
}

std::vector<std::string> namespace_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kNamespaceFolder, ignored))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

std::map<std::string, std::vector<pid_t>> processes_in(const std::vector<std::string>& names) {
  std::map<FileIdentity, std::string> namespaces;
  const FileIdentity ours = identity_of("/proc/thread-self/ns/net");
  for (const std::string& name : names) {
    const FileIdentity identity = identity_of(path_of(name));
    // A file that lost its mount is no namespace, and has another device number than one.
    if (identity.first == ours.first && identity != ours) namespaces[identity] = name;
  }
  std::map<std::string, std::vector<pid_t>> found;
  if (namespaces.empty()) return found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string text = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc{} || end != text.data() + text.size()) continue;
    const auto at = namespaces.find(identity_of(entry.path().string() + "/ns/net"));
    if (at != namespaces.end()) found[at->second].push_back(pid);
  }
  return found;
}

bool set_kernel_setting(const std::string& name, const std::string& value) {
  std::string path = "/proc/sys/" + name;
  std::ranges::replace(path.begin() + 10, path.end(), '.', '/');
  const host::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file.is_open() &&
         ::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

}  // namespace enid::lab
