#include "pci/interrupt_table.h"

#include "pci/refusal.h"

namespace enid::pci {

InterruptTable::InterruptTable(PciDevice& device, DescriptorUser& descriptors)
    : device_(device), descriptors_(descriptors), is_set_(device.description().vectors, false) {}

std::uint32_t InterruptTable::count(std::uint32_t index) const {
  if (index >= kInterruptKinds) return 0;
  switch (static_cast<InterruptKind>(index)) {
    case InterruptKind::kIntx:
    case InterruptKind::kMsi:
      return 0;
    case InterruptKind::kMsix:
      return static_cast<std::uint32_t>(is_set_.size());
    case InterruptKind::kError:
    case InterruptKind::kRequest:
      return 1;  // Never raised, but the client wants to set them up.
  }
  return 0;
}

Result<void> InterruptTable::check(const InterruptRequest& request, std::size_t events) const {
  using Request = InterruptRequest;
  if (request.index >= kInterruptKinds) return refused(EINVAL, "interrupts of an unknown kind");
  const std::uint32_t there = count(request.index);
  if (request.start > there || request.count > there - request.start)
    return refused(EINVAL, "interrupts beyond the last one");
  switch (request.flags) {
    case Request::kDataNone | Request::kActionTrigger:
      if (request.count != 0 || request.start != 0 || events != 0)
        return refused(EINVAL, "raising a device's interrupt from outside is not supported");
      return {};
    case Request::kDataEvent | Request::kActionTrigger:
      if (events != 0 && events != request.count) return refused(EINVAL, "not as many events as interrupts");
      return {};
    default:
      return refused(EINVAL, "only events, or nothing, can be assigned to interrupts");
  }
}

Result<void> InterruptTable::set(const InterruptRequest& request,
                                 std::vector<std::unique_ptr<Descriptor>> events) {
  TRY(check(request, events.size()));
  std::vector<std::shared_ptr<Interrupt>> interrupts;
  for (auto& event : events) {
    interrupts.push_back(descriptors_.interrupt(std::move(event)));
    if (interrupts.back() == nullptr) return refused(EINVAL, "an interrupt's descriptor is no eventfd");
  }
  if (static_cast<InterruptKind>(request.index) != InterruptKind::kMsix) return {};
  if (request.flags & InterruptRequest::kDataNone) {
    drop_all();
    return {};
  }
  for (std::uint32_t i = 0; i < request.count; ++i)
    set_vector(request.start + i, interrupts.empty() ? nullptr : std::move(interrupts[i]));
  return {};
}

void InterruptTable::drop_all() {
  for (std::uint32_t vector = 0; vector < is_set_.size(); ++vector) set_vector(vector, nullptr);
}

void InterruptTable::set_vector(std::uint32_t vector, std::shared_ptr<Interrupt> interrupt) {
  if (!is_set_[vector] && interrupt == nullptr) return;
  is_set_[vector] = interrupt != nullptr;
  device_.set_interrupt(static_cast<std::uint16_t>(vector), std::move(interrupt));
}

}  // namespace enid::pci
