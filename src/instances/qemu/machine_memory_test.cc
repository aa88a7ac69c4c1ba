#include "instances/qemu/machine_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace enid::instances {
namespace {

TEST(MachineMemory, is_the_types_if_the_host_has_plenty_and_enough_to_boot_in_any_case) {
  struct Row {
    std::int64_t of_type;
    std::int64_t spare;
    std::uint32_t gets;
  };
  const Row table[] = {
      {1024, 64'000, 1024},                                           // t3.micro
      {8192, 64'000, 8192},                                           // m5.large
      {8192, 24'000, 5952},                                           // A quarter, in round numbers.
      {8192, 4'000, 960},   {8192, 1'000, 384}, {8192, -5'000, 384},  // Promised more than there is.
      {512, 64'000, 512},   {0, 64'000, 384},   {-1, 64'000, 384},   {INT64_MAX, INT64_MAX, UINT32_MAX}};
  for (const Row& row : table)
    EXPECT_EQ(machine_memory(row.of_type, row.spare), row.gets) << row.of_type << " of " << row.spare;
}

TEST(MachineMemory, of_a_process_is_what_it_has_not_touched) {
  EXPECT_GT(available_memory_mebibytes(), 0);
  const std::int64_t untouched = untouched_memory_mebibytes(1'000'000, ::getpid());
  EXPECT_LT(untouched, 1'000'000);
  EXPECT_GT(untouched, 900'000);
  EXPECT_EQ(untouched_memory_mebibytes(0, ::getpid()), 0);
  EXPECT_EQ(untouched_memory_mebibytes(1'000'000, 0), 0) << "no such process";
}

TEST(MachineMemory, is_told_with_what_the_type_has_when_that_is_another) {
  EXPECT_EQ(machine_size_text(2, 1024, 8192), "2 processors and 1024 MiB; its type has 8192 MiB");
  EXPECT_EQ(machine_size_text(1, 512, 512), "1 processor and 512 MiB");
}

}  // namespace
}  // namespace enid::instances
