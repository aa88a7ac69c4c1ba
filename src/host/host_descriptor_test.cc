#include "host/host_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <set>
#include <string>

#include "pci/dma_table.h"

namespace enid::host {
namespace {

constexpr std::uint64_t kPage = 4096;

UniqueFd memory_file(std::uint64_t size, unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING) {
  UniqueFd fd(::memfd_create("test", flags));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  return fd;
}

HostDescriptor copy_of(const UniqueFd& fd) { return HostDescriptor(UniqueFd(::dup(fd.get()))); }

TEST(HostDescriptor, descriptors_of_one_file_have_one_identity) {
  const UniqueFd first = memory_file(kPage), second = memory_file(kPage);
  EXPECT_EQ(copy_of(first).identity(), copy_of(first).identity());
  EXPECT_NE(copy_of(first).identity(), copy_of(second).identity());
  EXPECT_EQ(copy_of(first).size(), kPage);
}

TEST(HostDescriptor, what_is_no_file_has_no_size) {
  EXPECT_EQ(HostDescriptor(UniqueFd(::eventfd(0, 0))).size(), 0u);
  EXPECT_EQ(HostDescriptor(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC))).size(), 0u);
}

TEST(HostDescriptorUser, maps_any_part_of_a_file) {
  HostDescriptorUser user;
  const UniqueFd file = memory_file(4 * kPage);
  const auto memory = user.map(copy_of(file), kPage + 100, 2 * kPage, true);
  ASSERT_TRUE(memory.has_value()) << memory.error().message;
  ASSERT_EQ((*memory)->bytes().size(), 2 * kPage);
  (*memory)->bytes()[0] = 0x5a;
  std::uint8_t byte = 0;
  ASSERT_EQ(::pread(file.get(), &byte, 1, kPage + 100), 1);
  EXPECT_EQ(byte, 0x5a);
}

TEST(HostDescriptorUser, refuses_maps_beyond_the_end_and_of_what_is_no_file) {
  HostDescriptorUser user;
  const UniqueFd file = memory_file(2 * kPage);
  EXPECT_FALSE(user.map(copy_of(file), 0, 2 * kPage + 1, true));
  EXPECT_FALSE(user.map(copy_of(file), 3 * kPage, 1, true));
  EXPECT_FALSE(user.map(copy_of(file), ~std::uint64_t{0}, 2, true));
  EXPECT_FALSE(user.map(copy_of(file), 0, ~std::uint64_t{0}, true));
  EXPECT_FALSE(user.map(copy_of(file), 0, 0, true));
  EXPECT_FALSE(user.map(HostDescriptor(UniqueFd(::open("/dev/zero", O_RDWR | O_CLOEXEC))), 0, kPage, true));
}

TEST(HostDescriptorUser, a_file_that_is_mapped_can_no_longer_shrink) {
  HostDescriptorUser user;
  const UniqueFd file = memory_file(2 * kPage);
  const auto memory = user.map(copy_of(file), 0, 2 * kPage, true);
  ASSERT_TRUE(memory.has_value());
  EXPECT_NE(::ftruncate(file.get(), 0), 0);
  EXPECT_EQ(::ftruncate(file.get(), 3 * kPage), 0) << "it may grow";
}

TEST(HostDescriptorUser, a_file_that_only_reads_cannot_be_mapped_to_write) {
  HostDescriptorUser user;
  const UniqueFd file = memory_file(kPage);
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const HostDescriptor reader(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  EXPECT_FALSE(user.map(reader, 0, kPage, true));
  EXPECT_TRUE(user.map(reader, 0, kPage, false).has_value());
}

TEST(HostDescriptorUser, makes_memory_that_another_can_map_and_nobody_resize) {
  HostDescriptorUser user;
  const auto made = user.make_shared_memory(2 * kPage);
  ASSERT_TRUE(made.has_value());
  const int fd = static_cast<const HostDescriptor&>(*made->file).fd();
  void* other = ::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(other, MAP_FAILED);
  static_cast<std::uint8_t*>(other)[kPage] = 7;
  EXPECT_EQ(made->memory->bytes()[kPage], 7);
  EXPECT_NE(::ftruncate(fd, 0), 0);
  EXPECT_NE(::ftruncate(fd, 4 * kPage), 0);
  ::munmap(other, 2 * kPage);
}

TEST(HostDescriptorUser, raises_an_eventfd) {
  HostDescriptorUser user;
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const auto interrupt = user.interrupt(std::make_unique<HostDescriptor>(UniqueFd(::dup(event.get()))));
  ASSERT_NE(interrupt, nullptr);
  interrupt->raise();
  interrupt->raise();
  std::uint64_t value = 0;
  ASSERT_EQ(::read(event.get(), &value, sizeof value), 8);
  EXPECT_EQ(value, 2u);
}

TEST(HostDescriptorUser, a_full_eventfd_does_not_hold_up_who_raises_it) {
  HostDescriptorUser user;
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const auto interrupt = user.interrupt(std::make_unique<HostDescriptor>(UniqueFd(::dup(event.get()))));
  const std::uint64_t full = ~std::uint64_t{0} - 1;
  ASSERT_EQ(::write(event.get(), &full, sizeof full), 8);
  interrupt->raise();  // Would never return.
}

TEST(HostDescriptorUser, takes_nothing_but_an_eventfd_as_interrupt) {
  HostDescriptorUser user;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  EXPECT_EQ(user.interrupt(std::make_unique<HostDescriptor>(UniqueFd(ends[1]))), nullptr);
  EXPECT_EQ(user.interrupt(std::make_unique<HostDescriptor>(memory_file(kPage))), nullptr);
}

// The addresses of a driver behind a virtual IOMMU: a descriptor a page, one file.
TEST(HostDescriptorUser, thousands_of_pages_of_a_guest_are_one_mapping_of_this_process) {
  HostDescriptorUser user;
  pci::DmaTable table(user);
  const UniqueFd file = memory_file(4096 * kPage);
  for (std::uint64_t page = 0; page < 4096; ++page) {
    const HostDescriptor descriptor = copy_of(file);
    ASSERT_TRUE(table.map({(4096 - page) * kPage, kPage, true, true, page * kPage}, &descriptor));
  }
  const auto picture = table.picture();
  std::set<const pci::SharedMemory*> mappings;
  for (const pci::MemoryRange& range : picture->ranges()) mappings.insert(range.owner.get());
  EXPECT_EQ(mappings.size(), 1u);
  EXPECT_EQ(picture->ranges().size(), 4096u) << "the pages are in the other order in the file";
}

}  // namespace
}  // namespace enid::host
