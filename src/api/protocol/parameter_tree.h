// ParameterTree: a form's parameters by the steps of their names, "Filter.1.Value.2" being four.
//
// Invariants
//   (1) Depth and number of nodes are bounded, whatever the request says.
//   (2) What the decoder takes is marked; first_unused() names what nobody asked for.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/protocol/form.h"
#include "base/result.h"

namespace enid::api::protocol {

class ParameterTree {
 public:
  static Result<ParameterTree> create(const Form& form);

  // The value at this node, which thereby counts as used.
  const std::string* take();
  ParameterTree* child(std::string_view step);
  bool has_children() const { return !children_.empty(); }
  // The children whose step is a number from 1, in the order of the numbers.
  std::vector<std::pair<int, ParameterTree*>> elements();
  // The full name of a parameter that was not taken.
  std::optional<std::string> first_unused() const;

 private:
  std::optional<std::string> value_;
  bool used_ = false;
  std::map<std::string, ParameterTree, std::less<>> children_;
};

}  // namespace enid::api::protocol
