// InstanceFolder: what an instance keeps on disk, and how it is read and written.
//
//   STATE/instances/<id>/
//     process         process 1 (ProcessIdentity), while it runs
//     init.sock       its door
//     hostname  user_data  authorized_key     from the launch
//     console.log     the console's last 64 KiB or more
//     root/           the instance's changes to the file tree (overlay)
//     home/           its /root
//     boot            "first" or "again", from start() until the init was told to boot
//
// Invariant: files are replaced as a whole (written beside, then renamed).
#pragma once

#include <string>
#include <string_view>

#include "base/resource_id.h"
#include "base/result.h"

namespace enid::instances {

class InstanceFolder {
 public:
  InstanceFolder(const std::string& instances, const InstanceId& id) : path_(instances + "/" + id.text()) {}
  explicit InstanceFolder(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

  Result<void> make() const;
  bool exists() const;
  bool has(std::string_view name) const;
  // Empty when there is no such file.
  std::string read(std::string_view name) const;
  Result<void> write(std::string_view name, std::string_view text) const;
  void erase(std::string_view name) const;
  Result<void> remove_all() const;

 private:
  std::string path_;
};

}  // namespace enid::instances
