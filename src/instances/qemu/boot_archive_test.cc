#include "instances/qemu/boot_archive.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace enid::instances {
namespace {

TEST(BootArchive, is_what_cpio_reads) {
  const std::string folder = ::testing::TempDir() + "/enid-boot-archive";
  std::filesystem::create_directories(folder);
  const std::string archive =
      write_boot_archive({{"etc/enid/hostname", "ip-10-0-0-5\n"}, {"etc/enid/run", "#!/bin/sh\n", 0755}});
  EXPECT_EQ(archive.size() % 4, 0U);
  std::ofstream(folder + "/archive") << archive;
  const int status = std::system(("cd " + folder + " && busybox cpio -i <archive 2>/dev/null").c_str());
  EXPECT_EQ(status, 0);
  std::ifstream hostname(folder + "/etc/enid/hostname");
  std::string line;
  std::getline(hostname, line);
  EXPECT_EQ(line, "ip-10-0-0-5");
  EXPECT_EQ(std::filesystem::status(folder + "/etc/enid/run").permissions(), std::filesystem::perms{0755});
  std::filesystem::remove_all(folder);
}

TEST(BootArchive, follows_the_shared_one_at_a_multiple_of_four) {
  const std::string folder = ::testing::TempDir() + "/enid-initrd";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/shared") << "12345";
  ASSERT_TRUE(write_initrd(folder + "/shared", {{"a", "b"}}, folder + "/initrd").has_value());
  std::ifstream file(folder + "/initrd");
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(bytes.substr(0, 14), std::string("12345\0\0\000070701", 14));
  EXPECT_FALSE(write_initrd(folder + "/missing", {}, folder + "/initrd").has_value());
  std::filesystem::remove_all(folder);
}

TEST(BootArchive, leaves_out_what_is_not_given) {
  const auto files = guest_boot_files({.hostname = "h", .user_data = {}, .authorized_key = {}}, "/bin/sh");
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ(files->size(), 2U);
  EXPECT_FALSE(guest_boot_files({}, "/missing").has_value());
}

}  // namespace
}  // namespace enid::instances
