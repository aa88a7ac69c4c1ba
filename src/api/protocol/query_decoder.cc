#include "api/protocol/query_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "api/protocol/base64.h"
#include "api/protocol/member_access.h"
#include "api/protocol/parameter_tree.h"
#include "api/protocol/timestamp.h"
#include "base/time.h"
#include "vpc/ec2_error.h"

namespace enid::api::protocol {
namespace {

// In its messages EC2 begins a parameter's name with a small letter.
std::string name_for_people(std::string_view name) {
  std::string text(name);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

std::unexpected<Error> bad_value(std::string_view text, std::string_view name, std::string_view why) {
  return vpc::ec2_failure("InvalidParameterValue",
                          fmt::format("Value ({}) for parameter {} is invalid. {}", text.substr(0, 256),
                                      name_for_people(name), why));
}

// Observed: "Value ( 3 ) for parameter maxResults is invalid. Expecting a value greater than or equal to 5."
Result<void> check_bounds(double value, std::string_view text, std::string_view name, double minimum,
                          double maximum) {
  if (value < minimum)
    return bad_value(fmt::format(" {} ", text), name,
                     fmt::format("Expecting a value greater than or equal to {}.", minimum));
  if (value > maximum)
    return bad_value(fmt::format(" {} ", text), name,
                     fmt::format("Expecting a value less than or equal to {}.", maximum));
  return {};
}

Result<void> check_number(const Constraints* constraints, double value, std::string_view text,
                          std::string_view name) {
  if (constraints == nullptr) return {};
  return check_bounds(value, text, name, constraints->minimum.value_or(-HUGE_VAL),
                      constraints->maximum.value_or(HUGE_VAL));
}

Result<void> check_string(const Constraints* constraints, std::string_view text, std::string_view name) {
  if (constraints == nullptr) return {};
  const auto length = static_cast<double>(text.size());
  if (constraints->minimum && length < *constraints->minimum)
    return bad_value(text, name,
                     fmt::format("Its length must be greater than or equal to {}.", *constraints->minimum));
  if (constraints->maximum && length > *constraints->maximum)
    return bad_value(text, name,
                     fmt::format("Its length must be less than or equal to {}.", *constraints->maximum));
  if (!constraints->values.empty() &&
      std::ranges::find(constraints->values, text) == constraints->values.end())
    return bad_value(text, name, "It is not one of the values that the parameter can have.");
  return {};
}

template <class Number>
Result<Number> parse_number(std::string_view text, std::string_view name, std::string_view what) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return bad_value(text, name, what);
  return number;
}

class Decoder {
 public:
  Decoder(Protocol protocol, const OperationShape& operation) : protocol_(protocol), operation_(operation) {}

  // `prefix` is the name so far, with its point, for messages.
  Result<void> structure(ParameterTree& tree, const StructureShape& shape, void* into,
                         const std::string& prefix) {
    for (const Member& each : shape.members) {
      const auto name = [&] { return prefix + std::string(each.request_name); };
      ParameterTree* node = tree.child(each.request_name);
      const bool present = node != nullptr && TRY(member(*node, each, into, name()));
      if (each.required && !present)
        return vpc::ec2_failure("MissingParameter",
                                fmt::format("The request must contain the parameter {}", name()));
    }
    return {};
  }

 private:
  // False when the parameters say nothing of this member.
  Result<bool> member(ParameterTree& node, const Member& each, void* into, const std::string& name) {
    if (each.kind == Kind::kStructure) {
      if (!node.has_children()) return false;
      TRY(structure(node, *each.structure, each.optional->emplace(member_at(into, each)), name + "."));
      return true;
    }
    if (each.kind == Kind::kList) return list(node, each, into, name);
    const std::string* text = node.take();
    if (text == nullptr) return false;
    TRY(scalar(*text, each, into, name));
    return true;
  }

  Result<bool> list(ParameterTree& node, const Member& each, void* into, std::string name) {
    ParameterTree* holder = &node;
    if (protocol_ == Protocol::kQuery) {
      // Clients write an empty list as an empty value.
      if (const std::string* text = node.take(); text != nullptr && !text->empty())
        return bad_value(*text, name, "It must be a list.");
      holder = node.child("member");
      name += ".member";
      if (holder == nullptr) return false;
    }
    const auto elements = holder->elements();
    for (const auto& [index, element] : elements)
      TRY(list_element(*element, each, into, fmt::format("{}.{}", name, index)));
    if (const Constraints* constraints = each.list_constraints; constraints != nullptr && !elements.empty()) {
      const auto count = static_cast<double>(elements.size());
      TRY(check_number(constraints, count, fmt::format("{} values", elements.size()), name));
    }
    return !elements.empty();
  }

  Result<void> list_element(ParameterTree& node, const Member& each, void* into, const std::string& name) {
    if (each.element_kind == Kind::kStructure)
      return structure(node, *each.structure, each.list->append(member_at(into, each)), name + ".");
    const std::string* text = node.take();
    if (text == nullptr) return {};  // Only deeper names: left over, and so refused.
    if (each.element_kind == Kind::kInteger) {
      const auto number = TRY(parse_number<std::int32_t>(*text, name, "It must be an integer."));
      TRY(check_number(each.constraints, number, *text, name));
      member_as<std::vector<std::int32_t>>(into, each).push_back(number);
      return {};
    }
    TRY(check_string(each.constraints, *text, name));
    member_as<std::vector<std::string>>(into, each).push_back(*text);
    return {};
  }

  Result<void> scalar(const std::string& text, const Member& each, void* into, const std::string& name) {
    switch (each.kind) {
      case Kind::kString:
        TRY(check_string(each.constraints, text, name));
        member_as<std::optional<std::string>>(into, each) = text;
        return {};
      case Kind::kBlob: {
        std::optional<std::string> bytes = parse_base64(text);
        if (!bytes) return bad_value(text, name, "It must be base64-encoded.");
        member_as<std::optional<std::string>>(into, each) = std::move(bytes);
        return {};
      }
      case Kind::kBoolean:
        // Chosen: Python programs that sign by hand write True; EC2 takes it too.
        if (text != "true" && text != "false" && text != "True" && text != "False")
          return bad_value(text, name, "It must be true or false.");
        member_as<std::optional<bool>>(into, each) = text == "true" || text == "True";
        return {};
      case Kind::kInteger: {
        const auto number = TRY(parse_number<std::int32_t>(text, name, "It must be an integer."));
        TRY(check_integer(each, number, text, name));
        member_as<std::optional<std::int32_t>>(into, each) = number;
        return {};
      }
      case Kind::kLong: {
        const auto number = TRY(parse_number<std::int64_t>(text, name, "It must be an integer."));
        TRY(check_number(each.constraints, static_cast<double>(number), text, name));
        member_as<std::optional<std::int64_t>>(into, each) = number;
        return {};
      }
      case Kind::kDouble: {
        const auto number = TRY(parse_number<double>(text, name, "It must be a number."));
        if (!std::isfinite(number)) return bad_value(text, name, "It must be a number.");
        TRY(check_number(each.constraints, number, text, name));
        member_as<std::optional<double>>(into, each) = number;
        return {};
      }
      case Kind::kTimestamp: {
        const std::optional<WallTime> time = parse_timestamp(text);
        if (!time) return bad_value(text, name, "It must be a time as in 2016-11-15T00:00:00Z.");
        member_as<std::optional<WallTime>>(into, each) = time;
        return {};
      }
      case Kind::kList:
      case Kind::kStructure:
        break;
    }
    return {};
  }

  Result<void> check_integer(const Member& each, std::int32_t number, std::string_view text,
                             const std::string& name) {
    // The documentation's bounds of MaxResults, where the shape has none.
    if (name == "MaxResults" && operation_.max_results_maximum > 0)
      TRY(check_bounds(number, text, name, operation_.max_results_minimum, operation_.max_results_maximum));
    return check_number(each.constraints, number, text, name);
  }

  Protocol protocol_;
  const OperationShape& operation_;
};

// MaxResults pages through everything; a list of ids asks for some things. Where the model says
// so, they exclude each other.
Result<void> check_max_results_or_ids(const OperationShape& operation, const void* request) {
  if (!operation.max_results_or_ids) return {};
  const Member* ids = nullptr;
  bool max_results = false;
  for (const Member& member : operation.input->members) {
    if (member.name == "MaxResults")
      max_results = member_as<std::optional<std::int32_t>>(request, member).has_value();
    if (member.kind == Kind::kList && member.element_kind == Kind::kString && member.name.ends_with("Ids") &&
        !member_as<std::vector<std::string>>(request, member).empty())
      ids = &member;
  }
  if (!max_results || ids == nullptr) return {};
  return vpc::ec2_failure("InvalidParameterCombination",
                          fmt::format("The parameter {} cannot be used with the parameter maxResults",
                                      name_for_people(ids->request_name)));
}

}  // namespace

Result<void> decode_request(Protocol protocol, const Form& form, const OperationShape& operation,
                            void* request) {
  ParameterTree tree = TRY(ParameterTree::create(form));
  TRY(Decoder(protocol, operation).structure(tree, *operation.input, request, ""));
  if (const std::optional<std::string> unknown = tree.first_unused())
    return vpc::ec2_failure("UnknownParameter", fmt::format("The parameter {} is not recognized", *unknown));
  return check_max_results_or_ids(operation, request);
}

}  // namespace enid::api::protocol
