// HostDescriptor and HostDescriptorUser: file descriptors of this host, for the pure code of pci/.
//
// Theory of operation
//   A guest's memory is a file (memfd) that QEMU passes over a socket; it is mapped, and then read and
//   written by address. An interrupt is an eventfd: raising it is a write of 8 bytes. Memory that we share
//   with the guest (doorbell pages) is a memfd of ours, sealed so that nobody can change its size.
//
// Invariants
//   (1) Only regular files are mapped, and only within their size. A file that shrinks afterwards makes an
//       access to it a SIGBUS: where the file allows it, it is sealed against that when it is mapped. QEMU's
//       memory-backend-memfd is sealed from the start; memory-backend-file cannot be, and is refused unless
//       files are Trust::kAll.
//   (2) Only an eventfd is taken as an interrupt, and made not to wait: anything else could hold up the
//       thread that raises it.
//
// Sources
//   Documented: memfd_create(2), fcntl(2) "File sealing", eventfd(2), mmap(2) on SIGBUS.
#pragma once

#include "host/unique_fd.h"
#include "pci/descriptor.h"

namespace enid::host {

class HostDescriptor : public pci::Descriptor {
 public:
  explicit HostDescriptor(UniqueFd fd) : fd_(std::move(fd)) {}

  std::uint64_t identity() const override;  // Of device and inode number.
  std::uint64_t size() const override;
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// Whose files are mapped: everybody's, or only those that cannot shrink under us.
enum class Trust : std::uint8_t { kAll, kSealed };

// Takes HostDescriptors only.
class HostDescriptorUser : public pci::DescriptorUser {
 public:
  explicit HostDescriptorUser(Trust trust = Trust::kAll) : trust_(trust) {}

  Result<std::shared_ptr<pci::SharedMemory>> map(const pci::Descriptor& file, std::uint64_t offset,
                                                 std::uint64_t size, bool writable) override;
  std::shared_ptr<pci::Interrupt> interrupt(std::unique_ptr<pci::Descriptor> event) override;
  Result<NewMemory> make_shared_memory(std::uint64_t size) override;

 private:
  Trust trust_;
};

}  // namespace enid::host
