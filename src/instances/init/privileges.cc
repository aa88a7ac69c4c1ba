#include "instances/init/privileges.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace enid::instances {
namespace {

// Missing on purpose: SYS_ADMIN (mounts, setns), SYS_MODULE, SYS_BOOT, SYS_TIME, SYS_PTRACE,
// SYS_RAWIO, SYS_RESOURCE, SYS_NICE, MKNOD, DAC_READ_SEARCH (opens host files by handle), BPF.
constexpr std::array kKept = {CAP_CHOWN,   CAP_DAC_OVERRIDE,     CAP_FOWNER,        CAP_FSETID,
                              CAP_KILL,    CAP_SETGID,           CAP_SETUID,        CAP_SETPCAP,
                              CAP_SETFCAP, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_ADMIN,
                              CAP_NET_RAW, CAP_SYS_CHROOT,       CAP_AUDIT_WRITE};

#if defined(__x86_64__)
constexpr std::uint32_t kNativeArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kNativeArchitecture = AUDIT_ARCH_AARCH64;
#endif

constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
constexpr sock_filter skip_unless_equal(std::uint32_t value, std::uint8_t skip) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}
constexpr sock_filter refuse(int error) {
  return BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error));
}

Result<void> filter_system_calls() {
  constexpr std::uint32_t kX32Bit = 0x40000000;
  static constexpr std::array kProgram = {
      load(offsetof(seccomp_data, arch)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNativeArchitecture, 1, 0),
      refuse(ENOSYS),
      load(offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 0, 1),
      refuse(ENOSYS),
      skip_unless_equal(SYS_add_key, 1),
      refuse(ENOSYS),
      skip_unless_equal(SYS_request_key, 1),
      refuse(ENOSYS),
      skip_unless_equal(SYS_io_uring_setup, 1),
      refuse(ENOSYS),
      skip_unless_equal(SYS_keyctl, 1),
      refuse(ENOSYS),
      skip_unless_equal(SYS_socket, 3),
      load(offsetof(seccomp_data, args)),  // The low half: little endian.
      skip_unless_equal(AF_VSOCK, 1),
      refuse(EAFNOSUPPORT),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{static_cast<unsigned short>(kProgram.size()), const_cast<sock_filter*>(kProgram.data())};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    return errno_failure("set the filter of system calls");
  return {};
}

}  // namespace

Result<void> drop_privileges() {
  TRY(filter_system_calls());
  std::uint64_t kept = 0;
  for (const int capability : kKept) kept |= std::uint64_t{1} << capability;
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    if ((kept >> capability & 1) == 0 && ::prctl(PR_CAPBSET_DROP, capability) != 0)
      return errno_failure("drop a capability");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  for (std::size_t half = 0; half < 2; ++half) {
    const auto bits = static_cast<std::uint32_t>(kept >> (32 * half));
    sets[half] = {.effective = bits, .permitted = bits, .inheritable = 0};
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return errno_failure("set capabilities");
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Nobody inside may look into process 1, whose descriptors are the host's.
  ::prctl(PR_SET_DUMPABLE, 0);
  return {};
}

}  // namespace enid::instances
