#include "instances/instance_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "host/unique_fd.h"

namespace enid::instances {

Result<void> InstanceFolder::make() const {
  std::error_code code;
  for (const char* part :
       {"", "/root", "/root/upper", "/root/work", "/root/merged", "/root/empty", "/home"}) {
    std::filesystem::create_directories(path_ + part, code);
    if (code) return failure(code, "make " + path_ + part);
  }
  // The file tree's root is what everybody inside passes through; the rest is the daemon's alone.
  ::chmod(path_.c_str(), 0700);
  ::chmod(file("root/upper").c_str(), 0755);
  ::chmod(file("home").c_str(), 0700);
  return {};
}

bool InstanceFolder::exists() const { return has(""); }

bool InstanceFolder::has(std::string_view name) const {
  std::error_code ignored;
  return std::filesystem::exists(file(name), ignored);
}

std::string InstanceFolder::read(std::string_view name) const {
  std::ifstream in(file(name), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

Result<void> InstanceFolder::write(std::string_view name, std::string_view text) const {
  const std::string beside = file(name) + ".new";
  host::UniqueFd out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!out.is_open()) return errno_failure("open " + beside);
  while (!text.empty()) {
    const ssize_t written = ::write(out.get(), text.data(), text.size());
    if (written < 0) return errno_failure("write " + beside);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::rename(beside.c_str(), file(name).c_str()) != 0) return errno_failure("rename " + beside);
  return {};
}

void InstanceFolder::erase(std::string_view name) const { ::unlink(file(name).c_str()); }

Result<void> InstanceFolder::remove_all() const {
  std::error_code code;
  std::filesystem::remove_all(path_, code);
  if (code) return failure(code, "remove " + path_);
  return {};
}

}  // namespace enid::instances
