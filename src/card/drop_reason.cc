#include "card/drop_reason.h"

#include <array>

namespace enid::card {
namespace {

struct Text {
  std::string_view name, explanation;
};
constexpr std::array<Text, kDropReasonCount> kTexts{{
#define ENID_DROP_REASON_TEXT(enumerator, name, explanation) {name, explanation},
    ENID_DROP_REASONS(ENID_DROP_REASON_TEXT)
#undef ENID_DROP_REASON_TEXT
}};

}  // namespace

std::string_view name_of(DropReason reason) { return kTexts[static_cast<std::size_t>(reason)].name; }
std::string_view explanation_of(DropReason reason) {
  return kTexts[static_cast<std::size_t>(reason)].explanation;
}

}  // namespace enid::card
