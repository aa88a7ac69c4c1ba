#include "api/protocol/parameter_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "vpc/ec2_error.h"

namespace enid::api::protocol {
namespace {

constexpr int kStepsMax = 24;  // The model's deepest name has 14.
constexpr std::size_t kNodesMax = 4 * kParametersMax;

std::optional<int> index_of(std::string_view step) {
  int index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size() || index < 1 || step[0] == '0')
    return std::nullopt;
  return index;
}

}  // namespace

Result<ParameterTree> ParameterTree::create(const Form& form) {
  ParameterTree root;
  std::size_t nodes = 0;
  for (const Parameter& parameter : form) {
    if (is_common_parameter(parameter.name)) continue;
    ParameterTree* node = &root;
    std::string_view rest = parameter.name;
    for (int steps = 0;; ++steps) {
      const std::size_t point = rest.find('.');
      const auto [child, added] = node->children_.try_emplace(std::string(rest.substr(0, point)));
      nodes += added ? 1 : 0;
      if (steps == kStepsMax || nodes > kNodesMax)
        return vpc::ec2_failure("UnknownParameter", "The request has a parameter with too many parts");
      node = &child->second;
      if (point == std::string_view::npos) break;
      rest.remove_prefix(point + 1);
    }
    if (node->value_)
      return vpc::ec2_failure("InvalidParameterCombination",
                              fmt::format("The parameter {} is specified more than once", parameter.name));
    node->value_ = parameter.value;
  }
  return root;
}

const std::string* ParameterTree::take() {
  if (!value_) return nullptr;
  used_ = true;
  return &*value_;
}

ParameterTree* ParameterTree::child(std::string_view step) {
  const auto found = children_.find(step);
  return found == children_.end() ? nullptr : &found->second;
}

std::vector<std::pair<int, ParameterTree*>> ParameterTree::elements() {
  std::vector<std::pair<int, ParameterTree*>> elements;
  for (auto& [step, node] : children_)
    if (const std::optional<int> index = index_of(step)) elements.emplace_back(*index, &node);
  std::ranges::sort(elements, {}, &std::pair<int, ParameterTree*>::first);
  return elements;
}

std::optional<std::string> ParameterTree::first_unused() const {
  for (const auto& [step, node] : children_) {
    if (node.value_ && !node.used_) return step;
    if (const std::optional<std::string> below = node.first_unused()) return step + "." + *below;
  }
  return std::nullopt;
}

}  // namespace enid::api::protocol
