#include "devices/ena/admin_queue.h"

#include <algorithm>

namespace enid::devices::ena {
namespace {

// ena_admin_acq_common_desc
constexpr std::size_t kAnswerStatus = 2;
constexpr std::size_t kAnswerFlags = 3;
constexpr std::size_t kAnswerHead = 6;
constexpr std::size_t kAnswerHeadBytes = 8;

}  // namespace

bool AdminQueue::ring(std::uint32_t doorbell, const pci::GuestMemory& memory, const CarryOut& carry_out) {
  if (!commands.is_usable() || !answers.is_usable()) return false;
  const auto tail = static_cast<std::uint16_t>(doorbell);
  const auto waiting = static_cast<std::uint16_t>(tail - head_);
  if (waiting > commands.depth()) return false;
  bool has_answers = false;
  for (std::uint16_t i = 0; i < waiting; ++i) {
    AdminCommand command;
    const bool is_read = memory.read(commands.entry_address(head_), command.bytes);
    ++head_;
    if (!is_read) continue;
    AdminAnswer specific;
    const AdminStatus status = carry_out(command, specific);
    answer(command, status, specific, memory);
    has_answers = true;
  }
  return has_answers;
}

void AdminQueue::answer(const AdminCommand& command, AdminStatus status, AdminAnswer& specific,
                        const pci::GuestMemory& memory) {
  ++carried_out_;
  if (status != AdminStatus::kSuccess) {
    ++refused_;
    specific = {};
  }
  std::array<std::uint8_t, kAdminEntryBytes> entry{};
  pci::store_little_endian<std::uint16_t>(entry.data(), command.id());
  entry[kAnswerStatus] = static_cast<std::uint8_t>(status);
  entry[kAnswerFlags] = answers.phase(answered_);
  pci::store_little_endian<std::uint16_t>(entry.data() + kAnswerHead, head_);
  std::ranges::copy(specific.bytes, entry.begin() + kAnswerHeadBytes);
  publish_entry(memory, answers.entry_address(answered_), entry, kAnswerFlags);
  ++answered_;
}

}  // namespace enid::devices::ena
