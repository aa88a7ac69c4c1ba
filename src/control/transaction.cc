#include "control/transaction.h"

#include <ranges>

namespace enid::control {

std::vector<StoreWrite> Transaction::store_writes() const {
  std::vector<StoreWrite> writes;
  for (const auto& [key, value] : writes_) writes.push_back({key, value()});
  return writes;
}

void Transaction::rollback() {
  for (const auto& undo : undo_ | std::views::reverse) undo();
  undo_.clear();
  writes_.clear();
  actions_.clear();
  touched_ = {};
}

}  // namespace enid::control
