#include "instances/qemu/boot_archive.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>

namespace enid::instances {
namespace {

constexpr std::uint32_t kFolder = 0040000;
constexpr std::uint32_t kRegular = 0100000;

void pad(std::string& out) { out.append((4 - out.size() % 4) % 4, '\0'); }

void append_entry(std::string& out, const std::string& path, std::uint32_t mode, std::string_view content) {
  // Magic, inode, mode, owner, group, links, time, size, device (2), its number (2), name, check.
  const std::array<std::uint32_t, 13> fields = {0,
                                                mode,
                                                0,
                                                0,
                                                1,
                                                0,
                                                static_cast<std::uint32_t>(content.size()),
                                                0,
                                                0,
                                                0,
                                                0,
                                                static_cast<std::uint32_t>(path.size() + 1),
                                                0};
  out += "070701";
  for (const std::uint32_t field : fields) {
    std::array<char, 9> digits{};
    std::snprintf(digits.data(), digits.size(), "%08X", field);
    out.append(digits.data(), 8);
  }
  out.append(path.c_str(), path.size() + 1);
  pad(out);
  out += content;
  pad(out);
}

Result<std::string> content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return errno_failure("open " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

std::string write_boot_archive(const std::vector<BootFile>& files) {
  std::string out;
  std::set<std::string> folders;
  for (const BootFile& file : files) {
    for (std::size_t slash = file.path.find('/'); slash != std::string::npos;
         slash = file.path.find('/', slash + 1))
      if (folders.insert(file.path.substr(0, slash)).second)
        append_entry(out, file.path.substr(0, slash), kFolder | 0755, "");
    append_entry(out, file.path, kRegular | file.mode, file.content);
  }
  append_entry(out, "TRAILER!!!", 0, "");
  return out;
}

Result<void> write_initrd(const std::string& shared, const std::vector<BootFile>& files,
                          const std::string& output) {
  std::string bytes = TRY(content_of(shared));
  pad(bytes);
  bytes += write_boot_archive(files);
  const std::string made = output + ".new";
  std::ofstream file(made, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return errno_failure("write " + made);
  if (std::rename(made.c_str(), output.c_str()) != 0) return errno_failure("make " + output);
  return {};
}

Result<std::vector<BootFile>> guest_boot_files(const GuestIdentity& identity, const std::string& agent) {
  std::vector<BootFile> files = {{"etc/enid/hostname", identity.hostname + "\n"},
                                 {"etc/enid/guest-agent", TRY(content_of(agent)), 0755}};
  if (!identity.machine.empty()) files.push_back({"etc/enid/machine", identity.machine + "\n"});
  if (!identity.user_data.empty()) files.push_back({"etc/enid/user_data", identity.user_data, 0600});
  if (!identity.authorized_key.empty())
    files.push_back({"etc/enid/authorized_key", identity.authorized_key + "\n", 0600});
  return files;
}

}  // namespace enid::instances
