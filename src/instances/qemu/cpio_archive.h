// CpioArchive: a few files for a guest, in the form that a Linux kernel lays over its initial file tree.
//
// Documented: Linux, Documentation/driver-api/early-userspace/buffer-format.rst ("newc"): archives may follow
//   one another, a later file replaces an earlier one, each archive begins at a multiple of four bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace enid::instances {

class CpioArchive {
 public:
  // Paths are relative to the root, without a leading slash; a folder comes before what is in it.
  void add_folder(std::string_view path);
  void add_file(std::string_view path, std::string_view content, bool is_program = false);
  // The whole archive with its end.
  std::string finish();

 private:
  void add(std::string_view path, std::string_view content, std::uint32_t mode);

  std::string bytes_;
  std::uint32_t next_inode_ = 1;
};

}  // namespace enid::instances
