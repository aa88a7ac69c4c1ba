#include "instances/qemu/machine_image.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace enid::instances {
namespace {

constexpr off_t kDiskBytes = off_t{1} << 30;

class MachineImageTest : public ::testing::Test {
 protected:
  MachineImageTest() {
    std::filesystem::remove_all(top_);
    std::filesystem::create_directories(guest_);
    std::filesystem::create_directories(folder_);
    write(guest_ + "/vmlinuz", "kernel 1");
    write(guest_ + "/boot.cpio.zst", "archive 1");
    write(guest_ + "/root.ext4", "begin");
    std::filesystem::resize_file(guest_ + "/root.ext4", kDiskBytes);
    std::fstream image(guest_ + "/root.ext4", std::ios::in | std::ios::out);
    image.seekp(kDiskBytes - 3) << "end";
  }
  ~MachineImageTest() override { std::filesystem::remove_all(top_); }

  static void write(const std::string& path, const std::string& text) {
    std::filesystem::remove(path);
    std::ofstream(path) << text;
  }
  static std::string read(const std::string& path, std::streamoff at = 0, std::size_t count = 64) {
    std::ifstream file(path);
    std::string text(count, '\0');
    file.seekg(at).read(text.data(), static_cast<std::streamsize>(count));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
  }

  const std::string top_ = ::testing::TempDir() + "/enid-machine-image-" + std::to_string(::getpid());
  const std::string guest_ = top_ + "/guest";
  const std::string folder_ = top_ + "/machine";
};

TEST_F(MachineImageTest, copies_a_disk_without_its_holes) {
  ASSERT_TRUE(make_machine_image(guest_, folder_).has_value());
  struct stat status{};
  ASSERT_EQ(::stat((folder_ + "/disk").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, kDiskBytes);
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
  EXPECT_EQ(status.st_mode & 0777, 0600u) << "it holds what the guest keeps secret";
  EXPECT_EQ(read(folder_ + "/disk", 0, 5), "begin");
  EXPECT_EQ(read(folder_ + "/disk", kDiskBytes - 3), "end");
}

TEST_F(MachineImageTest, a_machine_keeps_what_it_began_with) {
  ASSERT_TRUE(make_machine_image(guest_, folder_).has_value());
  std::fstream(folder_ + "/disk", std::ios::in | std::ios::out) << "mine!";
  for (const char* name : {"/vmlinuz", "/boot.cpio.zst", "/root.ext4"}) write(guest_ + name, "newer");
  ASSERT_TRUE(make_machine_image(guest_, folder_).has_value());
  EXPECT_EQ(read(folder_ + "/disk", 0, 5), "mine!");
  EXPECT_EQ(read(folder_ + "/vmlinuz"), "kernel 1");
  EXPECT_EQ(read(folder_ + "/boot.cpio.zst"), "archive 1");
}

TEST_F(MachineImageTest, what_was_half_made_is_made_anew) {
  write(folder_ + "/vmlinuz", "of a start that was cut off");
  write(folder_ + "/disk.new", "half");
  ASSERT_TRUE(make_machine_image(guest_, folder_).has_value());
  EXPECT_EQ(read(folder_ + "/vmlinuz"), "kernel 1");
  EXPECT_EQ(read(folder_ + "/disk", 0, 5), "begin");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/disk.new"));
}

TEST_F(MachineImageTest, says_what_is_missing) {
  std::filesystem::remove(guest_ + "/root.ext4");
  const Result<void> made = make_machine_image(guest_, folder_);
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().message.find("root.ext4"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/disk"));
}

}  // namespace
}  // namespace enid::instances
