#include "instances/qemu/cpio_archive.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace enid::instances {
namespace {

constexpr std::uint32_t kFolder = 0040755;
constexpr std::uint32_t kFile = 0100644;
constexpr std::uint32_t kProgram = 0100755;

void pad(std::string& bytes) { bytes.append((4 - bytes.size() % 4) % 4, '\0'); }

}  // namespace

void CpioArchive::add(std::string_view path, std::string_view content, std::uint32_t mode) {
  // Magic; inode, mode, user, group, links, time, size, four numbers of devices, length of the name, no
  // checksum.
  fmt::format_to(std::back_inserter(bytes_), "070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
                 next_inode_++, mode, 0, 0, 1, 0, content.size());
  fmt::format_to(std::back_inserter(bytes_), "{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}", 0, 0, 0, 0,
                 path.size() + 1, 0);
  bytes_.append(path);
  bytes_.push_back('\0');
  pad(bytes_);
  bytes_.append(content);
  pad(bytes_);
}

void CpioArchive::add_folder(std::string_view path) { add(path, {}, kFolder); }

void CpioArchive::add_file(std::string_view path, std::string_view content, bool is_program) {
  add(path, content, is_program ? kProgram : kFile);
}

std::string CpioArchive::finish() {
  add("TRAILER!!!", {}, 0);
  return std::exchange(bytes_, {});
}

}  // namespace enid::instances
