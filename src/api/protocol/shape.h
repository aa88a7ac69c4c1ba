// Shape tables: AWS's service model as data, so that one interpreter decodes, validates and
// encodes the structs of every operation.
//
// Theory of operation
//   tools/codegen/generate.py writes one struct per structure of the model (api/generated/
//   ec2_types.h) and one table per struct (ec2_shapes.cc): each member's names on the wire, its
//   kind, its constraints and where it lies in the struct. The interpreter reaches a member
//   through its offset and, where the C++ type of the member is a struct's own, through the two
//   small access tables below.
//
// Invariants
//   (1) A member's C++ type follows from its kind: kString, kBlob: optional<string>; kBoolean:
//       optional<bool>; kInteger: optional<int32_t>; kLong: optional<int64_t>; kDouble:
//       optional<double>; kTimestamp: optional<WallTime>; kStructure: optional<Struct>;
//       kList: vector<string>, vector<int32_t> or vector<Struct>, by element_kind.
//   (2) Lists do not hold lists; the generator refuses a model where they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace enid::api::protocol {

enum class Kind : std::uint8_t {
  kString,
  kBlob,
  kBoolean,
  kInteger,
  kLong,
  kDouble,
  kTimestamp,
  kList,
  kStructure,
};

enum class Protocol : std::uint8_t { kEc2, kQuery };

// How to reach the elements of a std::vector<Struct>.
struct ListAccess {
  std::size_t (*size)(const void* list);
  const void* (*element)(const void* list, std::size_t index);
  void* (*append)(void* list);
};

// How to reach the value of a std::optional<Struct>.
struct OptionalAccess {
  const void* (*value)(const void* optional);  // Null when empty.
  void* (*emplace)(void* optional);
};

// What the model says of a value beyond its kind. Bounds hold for numbers, and for the length of
// strings and lists.
struct Constraints {
  std::optional<double> minimum;
  std::optional<double> maximum;
  std::span<const std::string_view> values;  // An enumeration's; empty otherwise.
};

struct StructureShape;

struct Member {
  std::string_view name;           // The model's: "TagSpecifications".
  std::string_view request_name;   // In a request: "TagSpecification".
  std::string_view response_name;  // In an answer: "tagSpecificationSet".
  std::string_view item_name;      // Of a list's elements in an answer: "item".
  std::uint32_t offset;
  Kind kind;
  Kind element_kind;  // Of a list's elements.
  bool required;
  bool idempotency_token;
  const StructureShape* structure;  // Of a structure, or of a list's elements.
  const ListAccess* list;           // Of a list of structures.
  const OptionalAccess* optional;   // Of a structure.
  const Constraints* constraints;   // Null: none. A list's elements' too, when they are not structures.
  const Constraints* list_constraints;
};

struct StructureShape {
  std::string_view name;
  std::span<const Member> members;
};

struct OperationShape {
  std::string_view name;
  const StructureShape* input;
  const StructureShape* output;     // Null: no output.
  std::string_view result_wrapper;  // The query protocol's element around the result.
  // What only the documentation of the operation says: filters' names ("tag:" stands for
  // tag:<key>), bounds of MaxResults, and whether MaxResults excludes a list of ids.
  std::span<const std::string_view> filters;
  std::int32_t max_results_minimum;
  std::int32_t max_results_maximum;  // 0: not bounded.
  bool max_results_or_ids;
};

struct ServiceShape {
  std::string_view name;  // "ec2"
  Protocol protocol;
  std::string_view version;
  std::string_view xml_namespace;
  std::span<const OperationShape> operations;  // Sorted by name.
};

// The operation of that name, or null.
const OperationShape* find_operation(const ServiceShape& service, std::string_view name);

template <class T>
inline constexpr ListAccess kListAccess{
    [](const void* list) { return static_cast<const std::vector<T>*>(list)->size(); },
    [](const void* list, std::size_t index) -> const void* {
      return &(*static_cast<const std::vector<T>*>(list))[index];
    },
    [](void* list) -> void* { return &static_cast<std::vector<T>*>(list)->emplace_back(); },
};

template <class T>
inline constexpr OptionalAccess kOptionalAccess{
    [](const void* optional) -> const void* {
      const auto& value = *static_cast<const std::optional<T>*>(optional);
      return value ? &*value : nullptr;
    },
    [](void* optional) -> void* { return &static_cast<std::optional<T>*>(optional)->emplace(); },
};

}  // namespace enid::api::protocol
