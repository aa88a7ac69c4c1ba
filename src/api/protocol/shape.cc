#include "api/protocol/shape.h"

#include <algorithm>

namespace enid::api::protocol {

const OperationShape* find_operation(const ServiceShape& service, std::string_view name) {
  const auto found = std::ranges::lower_bound(service.operations, name, {}, &OperationShape::name);
  return found != service.operations.end() && found->name == name ? &*found : nullptr;
}

}  // namespace enid::api::protocol
