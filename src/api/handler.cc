#include "api/handler.h"

#include "base/check.h"

namespace enid::api {

const OperationTable::Entry* OperationTable::find(std::string_view action) const {
  const auto found = entries_.find(action);
  return found == entries_.end() ? nullptr : &found->second;
}

void OperationTable::add_entry(std::string_view name, OperationKind kind, void (*handler)(), Run runner) {
  const protocol::OperationShape* shape = protocol::find_operation(service_, name);
  CHECK(shape != nullptr);
  const bool added = entries_.emplace(std::string(name), Entry{shape, kind, handler, runner}).second;
  CHECK(added);
}

}  // namespace enid::api
