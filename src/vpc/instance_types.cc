#include "vpc/instance_types.h"

#include <algorithm>

namespace enid::vpc {

extern const InstanceType kInstanceTypes[];
extern const std::size_t kInstanceTypeCount;

std::span<const InstanceType> instance_types() { return {kInstanceTypes, kInstanceTypeCount}; }

const InstanceType* find_instance_type(std::string_view name) {
  const auto types = instance_types();
  const auto found = std::ranges::lower_bound(types, name, {}, &InstanceType::name);
  return found != types.end() && found->name == name ? &*found : nullptr;
}

}  // namespace enid::vpc
