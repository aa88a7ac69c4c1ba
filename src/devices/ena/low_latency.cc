#include "devices/ena/low_latency.h"

#include "devices/ena/features.h"
#include "devices/ena/limits.h"

namespace enid::devices::ena {
namespace {

// Each choice is a pair of words, supported and enabled, at this place.
struct Choice {
  std::size_t at;
  std::uint16_t value;
};
constexpr Choice kChoices[] = {
    {8, 1},   // The header is in the entry: ENA_ADMIN_INLINE_HEADER.
    {12, 1},  // 128 bytes an entry.
    {16, 2},  // Two descriptors before the header.
    {20, 2},  // ENA_ADMIN_MULTIPLE_DESCS_PER_ENTRY.
};
constexpr std::size_t kVersionAt = 24;
constexpr std::size_t kRecommendedAt = 25;

}  // namespace

AdminStatus LowLatencyFeature::get(AdminAnswer& answer, std::uint16_t queue_pairs) const {
  answer.store<std::uint32_t>(0, queue_pairs);
  answer.store<std::uint32_t>(4, kDepthMax);
  for (const Choice& choice : kChoices) {
    answer.store(choice.at, choice.value);
    answer.store<std::uint16_t>(choice.at + 2, is_enabled_ ? choice.value : 0);
  }
  answer.bytes[kVersionAt] = 1;
  answer.bytes[kRecommendedAt] = 1;  // 128 bytes.
  // No wide entries; no limit of bursts, and meta descriptors are remembered: the rest is 0.
  return AdminStatus::kSuccess;
}

AdminStatus LowLatencyFeature::set(const AdminCommand& command) {
  for (const Choice& choice : kChoices) {
    if (command.load<std::uint16_t>(kFeatureData + choice.at + 2) != choice.value) {
      return AdminStatus::kIllegalParameter;
    }
  }
  is_enabled_ = true;
  return AdminStatus::kSuccess;
}

}  // namespace enid::devices::ena
