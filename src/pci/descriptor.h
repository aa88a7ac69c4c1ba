// Descriptor: a file descriptor that came with a message or goes with one, as pure code sees it.
//
// Theory of operation
//   vfio-user passes guest memory, event notifications and shared pages as descriptors. What one is,
//   and what can be done with it, only host/ knows; tests have their own kind in memory. Pure code
//   keeps them, hands them on, and asks a DescriptorUser to make something of them.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace enid::pci {

class Descriptor {
 public:
  virtual ~Descriptor() = default;
  // Two descriptors of one file have the same identity, so that a file is mapped only once.
  virtual std::uint64_t identity() const = 0;
  // How many bytes the file has now. 0: unknown, or not a file.
  virtual std::uint64_t size() const { return 0; }
};

// Memory that this process shares with another; unmapped when it goes.
class SharedMemory {
 public:
  virtual ~SharedMemory() = default;
  virtual Bytes bytes() const = 0;
  // The file that it shows, for handing it on to another process, and where in the file bytes() begins.
  // Null: cannot be handed on.
  virtual std::shared_ptr<const Descriptor> file() const { return nullptr; }
  virtual std::uint64_t file_offset() const { return 0; }
};

// Something to raise: an MSI-X vector's eventfd.
class Interrupt {
 public:
  virtual ~Interrupt() = default;
  virtual void raise() = 0;
  // What raises it, for handing it on to another process. Null: cannot be handed on.
  virtual std::shared_ptr<const Descriptor> event() const { return nullptr; }
};

class DescriptorUser {
 public:
  virtual ~DescriptorUser() = default;
  // `offset` and `size` need not be multiples of the page size. Refused: not a file that can be
  // mapped so, or shorter than offset + size.
  virtual Result<std::shared_ptr<SharedMemory>> map(const Descriptor& file, std::uint64_t offset,
                                                    std::uint64_t size, bool writable) = 0;
  // Null: nothing that can be raised without waiting.
  virtual std::shared_ptr<Interrupt> interrupt(std::unique_ptr<Descriptor> event) = 0;
  // Zeroed memory of this process that another may map by the descriptor.
  struct NewMemory {
    std::shared_ptr<SharedMemory> memory;
    std::shared_ptr<Descriptor> file;
  };
  virtual Result<NewMemory> make_shared_memory(std::uint64_t size) = 0;
};

}  // namespace enid::pci
