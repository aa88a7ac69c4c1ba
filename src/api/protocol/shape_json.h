// The service model's structs as JSON: what a struct says, kept in a record or carried into another struct.
//
// Theory of operation
//   An object holds the members that are set, under the model's names ("NetworkInterfaces"). Structs
//   that speak of the same thing in a request and in an answer are different types with the same
//   names in the model; JSON is what they have in common.
//
// Invariants
//   (1) read_json(write_json(x)) is x, for structs of the same shape.
//   (2) Whatever the JSON holds, read_json() ends: what the shape does not know, or has another kind
//       of value for, is left out.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/protocol/shape.h"

namespace enid::api::protocol {

nlohmann::json write_json(const StructureShape& shape, const void* structure);
// `structure` is the shape's struct, still empty.
void read_json(const StructureShape& shape, const nlohmann::json& json, void* structure);

}  // namespace enid::api::protocol
