#include "host/host_descriptor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <string>
#include <string_view>

#include "base/check.h"

namespace enid::host {
namespace {

class Mapping : public pci::SharedMemory {
 public:
  // `inside` bytes after the mapping's first are the first that was asked for, which is at `offset` of
  // `file`.
  Mapping(void* start, std::size_t length, std::size_t inside, std::shared_ptr<const pci::Descriptor> file,
          std::uint64_t offset)
      : start_(start), length_(length), inside_(inside), file_(std::move(file)), offset_(offset) {}
  ~Mapping() override { ::munmap(start_, length_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  Bytes bytes() const override { return {static_cast<std::uint8_t*>(start_) + inside_, length_ - inside_}; }
  std::shared_ptr<const pci::Descriptor> file() const override { return file_; }
  std::uint64_t file_offset() const override { return offset_; }

 private:
  void* start_;
  std::size_t length_;
  std::size_t inside_;
  std::shared_ptr<const pci::Descriptor> file_;
  std::uint64_t offset_;
};

class EventInterrupt : public pci::Interrupt {
 public:
  explicit EventInterrupt(std::shared_ptr<const HostDescriptor> event) : event_(std::move(event)) {}

  void raise() override {
    const std::uint64_t one = 1;
    // Full (EAGAIN) is raised; nothing else can happen to an eventfd.
    [[maybe_unused]] const ssize_t written = ::write(event_->fd(), &one, sizeof one);
  }
  std::shared_ptr<const pci::Descriptor> event() const override { return event_; }

 private:
  std::shared_ptr<const HostDescriptor> event_;
};

bool is_eventfd(int fd) {
  char target[64];
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  return length > 0 && std::string_view(target, static_cast<std::size_t>(length)) == "anon_inode:[eventfd]";
}

bool is_sealed(int fd) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

std::uint64_t page_bytes() {
  static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

const HostDescriptor& of_host(const pci::Descriptor& descriptor) {
  const auto* host = dynamic_cast<const HostDescriptor*>(&descriptor);
  CHECK(host != nullptr);
  return *host;
}

}  // namespace

std::uint64_t HostDescriptor::identity() const {
  struct stat status{};
  if (::fstat(fd_.get(), &status) != 0) return 0;
  // Memory files are all of one device; an odd factor keeps the inode numbers of one device apart.
  return static_cast<std::uint64_t>(status.st_ino) * 0x9e37'79b9'7f4a'7c15 ^
         static_cast<std::uint64_t>(status.st_dev);
}

std::uint64_t HostDescriptor::size() const {
  struct stat status{};
  if (::fstat(fd_.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::shared_ptr<pci::SharedMemory>> HostDescriptorUser::map(const pci::Descriptor& file,
                                                                   std::uint64_t offset, std::uint64_t size,
                                                                   bool writable) {
  const int fd = of_host(file).fd();
  (void)::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);  // See invariant (1): before the size is looked at.
  if (trust_ == Trust::kSealed && !is_sealed(fd))
    return failure(std::make_error_code(std::errc::operation_not_permitted),
                   "the file of a memory cannot be sealed against shrinking; use memory-backend-memfd");
  const std::uint64_t file_size = file.size();
  if (size == 0 || offset > file_size || size > file_size - offset)
    return failure(std::make_error_code(std::errc::invalid_argument), "map a file beyond its end");
  const std::uint64_t inside = offset % page_bytes();
  if (size > std::numeric_limits<std::size_t>::max() - inside)
    return failure(std::make_error_code(std::errc::value_too_large), "map a file that has no end");
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* start =
      ::mmap(nullptr, size + inside, protection, MAP_SHARED, fd, static_cast<off_t>(offset - inside));
  if (start == MAP_FAILED) return errno_failure("map a file of guest memory");
  auto kept = std::make_shared<HostDescriptor>(UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
  return std::make_shared<Mapping>(start, size + inside, inside, std::move(kept), offset);
}

std::shared_ptr<pci::Interrupt> HostDescriptorUser::interrupt(std::unique_ptr<pci::Descriptor> event) {
  (void)of_host(*event);
  std::unique_ptr<HostDescriptor> host(static_cast<HostDescriptor*>(event.release()));
  if (!is_eventfd(host->fd())) return nullptr;
  const int flags = ::fcntl(host->fd(), F_GETFL);
  if (flags < 0 || ::fcntl(host->fd(), F_SETFL, flags | O_NONBLOCK) != 0) return nullptr;
  return std::make_shared<EventInterrupt>(std::move(host));
}

Result<pci::DescriptorUser::NewMemory> HostDescriptorUser::make_shared_memory(std::uint64_t size) {
  UniqueFd fd(::memfd_create("enid-device", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.is_open()) return errno_failure("make shared memory");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return errno_failure("size shared memory");
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return errno_failure("seal shared memory");
  auto file = std::make_shared<HostDescriptor>(std::move(fd));
  std::shared_ptr<pci::SharedMemory> memory = TRY(map(*file, 0, size, true));
  return NewMemory{std::move(memory), std::move(file)};
}

}  // namespace enid::host
