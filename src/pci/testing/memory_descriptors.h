// Files and events in memory, for tests: a MemoryFile is what a descriptor stands for.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "base/check.h"
#include "pci/descriptor.h"
#include "pci/refusal.h"

namespace enid::pci::testing {

struct MemoryFile {
  explicit MemoryFile(std::size_t size) : bytes(size) {}
  std::vector<std::uint8_t> bytes;  // Must not be resized while it is mapped.
  std::uint64_t shown_size = 0;     // What size() says, when not zero: a file that shrank, or grows.
  bool is_mappable_whole = true;
  std::uint64_t raised = 0;  // As an event.
  bool is_event = false;
};

class MemoryDescriptor : public Descriptor {
 public:
  explicit MemoryDescriptor(std::shared_ptr<MemoryFile> file) : file_(std::move(file)) {}
  std::uint64_t identity() const override { return reinterpret_cast<std::uintptr_t>(file_.get()); }
  std::uint64_t size() const override {
    return file_->shown_size != 0 ? file_->shown_size : file_->bytes.size();
  }
  const std::shared_ptr<MemoryFile>& file() const { return file_; }

 private:
  std::shared_ptr<MemoryFile> file_;
};

inline std::unique_ptr<Descriptor> open(const std::shared_ptr<MemoryFile>& file) {
  return std::make_unique<MemoryDescriptor>(file);
}

inline std::shared_ptr<MemoryFile> make_event() {
  auto event = std::make_shared<MemoryFile>(0);
  event->is_event = true;
  return event;
}

class MemoryDescriptorUser : public DescriptorUser {
 public:
  Result<std::shared_ptr<SharedMemory>> map(const Descriptor& descriptor, std::uint64_t offset,
                                            std::uint64_t size, bool) override {
    const auto& file = static_cast<const MemoryDescriptor&>(descriptor).file();
    const std::uint64_t length = std::min<std::uint64_t>(descriptor.size(), file->bytes.size());
    if (size == 0 || offset > length || size > length - offset) return refused(EINVAL, "beyond the end");
    if (!file->is_mappable_whole && size == file->bytes.size()) return refused(ENOMEM, "too large");
    ++maps_made;
    return std::make_shared<Mapping>(file, Bytes(file->bytes).subspan(offset, size), maps_alive);
  }

  std::shared_ptr<Interrupt> interrupt(std::unique_ptr<Descriptor> event) override {
    const auto& file = static_cast<const MemoryDescriptor&>(*event).file();
    if (!file->is_event) return nullptr;
    return std::make_shared<Event>(file);
  }

  Result<NewMemory> make_shared_memory(std::uint64_t size) override {
    auto file = std::make_shared<MemoryFile>(size);
    auto memory = std::make_shared<Mapping>(file, Bytes(file->bytes), maps_alive);
    return NewMemory{std::move(memory), std::make_shared<MemoryDescriptor>(std::move(file))};
  }

  int maps_made = 0;  // By map().
  std::shared_ptr<int> maps_alive = std::make_shared<int>(0);

 private:
  class Mapping : public SharedMemory {
   public:
    Mapping(std::shared_ptr<MemoryFile> file, Bytes bytes, std::shared_ptr<int> alive)
        : file_(std::move(file)), bytes_(bytes), alive_(std::move(alive)) {
      ++*alive_;
    }
    ~Mapping() override { --*alive_; }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    Bytes bytes() const override { return bytes_; }

   private:
    std::shared_ptr<MemoryFile> file_;
    Bytes bytes_;
    std::shared_ptr<int> alive_;
  };

  class Event : public Interrupt {
   public:
    explicit Event(std::shared_ptr<MemoryFile> file) : file_(std::move(file)) {}
    void raise() override { ++file_->raised; }

   private:
    std::shared_ptr<MemoryFile> file_;
  };
};

}  // namespace enid::pci::testing
