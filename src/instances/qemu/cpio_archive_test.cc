#include "instances/qemu/cpio_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace enid::instances {
namespace {

TEST(CpioArchive, is_read_by_cpio) {
  if (std::system("command -v cpio >/dev/null 2>&1") != 0) GTEST_SKIP() << "cpio is not installed";
  CpioArchive archive;
  archive.add_folder("etc");
  archive.add_file("etc/hostname", "ip-10-0-0-5\n");
  archive.add_file("etc/run", "#!/bin/sh\n", true);
  const std::string bytes = archive.finish();
  EXPECT_EQ(bytes.size() % 4, 0u);

  std::string folder = std::filesystem::temp_directory_path() / "enid-cpio-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/archive", std::ios::binary) << bytes;
  EXPECT_EQ(std::system(("cd " + folder + " && cpio --quiet -i <archive").c_str()), 0);
  std::string text;
  std::getline(std::ifstream(folder + "/etc/hostname"), text);
  EXPECT_EQ(text, "ip-10-0-0-5");
  EXPECT_NE(std::filesystem::status(folder + "/etc/run").permissions() & std::filesystem::perms::owner_exec,
            std::filesystem::perms::none);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace enid::instances
