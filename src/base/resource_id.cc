#include "base/resource_id.h"

namespace enid {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kDigits = 17;
// Documented: ids of resources made before 2018 have 8 digits. EC2 User Guide, "Resource IDs".
constexpr std::size_t kOldDigits = 8;

}  // namespace

bool is_resource_id(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  if (text.size() != kDigits && text.size() != kOldDigits) return false;
  return text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

std::string make_resource_id(std::string_view prefix, Random& random) {
  std::string id(prefix);
  id += "-0";  // Observed: today's ids all begin with a zero digit.
  std::uint64_t bits = random.next();
  for (std::size_t i = 1; i < kDigits; ++i, bits >>= 4) id += kHexDigits[bits & 0xf];
  return id;
}

}  // namespace enid
