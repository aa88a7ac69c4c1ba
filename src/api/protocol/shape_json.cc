#include "api/protocol/shape_json.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "api/protocol/base64.h"
#include "api/protocol/member_access.h"
#include "base/time.h"

namespace enid::api::protocol {
namespace {

using Json = nlohmann::json;

// Calls act.operator()<T>() with the C++ type of a scalar's kind; blobs and times are JSON of another type.
template <class Act>
void with_scalar(Kind kind, Act&& act) {
  switch (kind) {
    case Kind::kString:
      return act.template operator()<std::string>();
    case Kind::kBoolean:
      return act.template operator()<bool>();
    case Kind::kInteger:
      return act.template operator()<std::int32_t>();
    case Kind::kLong:
      return act.template operator()<std::int64_t>();
    case Kind::kDouble:
      return act.template operator()<double>();
    case Kind::kBlob:
    case Kind::kTimestamp:
    case Kind::kList:
    case Kind::kStructure:
      return;
  }
}

template <class T>
bool holds(const Json& json) {
  if constexpr (std::is_same_v<T, std::string>) return json.is_string();
  if constexpr (std::is_same_v<T, bool>) return json.is_boolean();
  if constexpr (std::is_same_v<T, double>) return json.is_number();
  return json.is_number_integer();
}

Json write_list(const Member& member, const void* structure) {
  Json json = Json::array();
  if (member.element_kind == Kind::kStructure) {
    const void* list = member_at(structure, member);
    for (std::size_t i = 0; i < member.list->size(list); ++i)
      json.push_back(write_json(*member.structure, member.list->element(list, i)));
  } else if (member.element_kind == Kind::kInteger) {
    json = member_as<std::vector<std::int32_t>>(structure, member);
  } else {
    json = member_as<std::vector<std::string>>(structure, member);
  }
  return json;
}

// Null: the member is not set.
Json write_member(const Member& member, const void* structure) {
  Json json;
  if (member.kind == Kind::kList) {
    json = write_list(member, structure);
    return json.empty() ? Json() : json;
  }
  if (member.kind == Kind::kStructure) {
    const void* inner = member.optional->value(member_at(structure, member));
    return inner == nullptr ? Json() : write_json(*member.structure, inner);
  }
  if (member.kind == Kind::kBlob) {
    const auto& bytes = member_as<std::optional<std::string>>(structure, member);
    return bytes ? Json(write_base64(*bytes)) : Json();
  }
  if (member.kind == Kind::kTimestamp) {
    const auto& time = member_as<std::optional<WallTime>>(structure, member);
    return time ? Json(time->milliseconds_since_epoch) : Json();
  }
  with_scalar(member.kind, [&]<class T>() {
    const auto& value = member_as<std::optional<T>>(structure, member);
    if (value) json = *value;
  });
  return json;
}

void read_list(const Member& member, const Json& json, void* structure) {
  if (!json.is_array()) return;
  for (const Json& element : json) {
    if (member.element_kind == Kind::kStructure) {
      if (element.is_object())
        read_json(*member.structure, element, member.list->append(member_at(structure, member)));
    } else if (member.element_kind == Kind::kInteger) {
      if (holds<std::int32_t>(element))
        member_as<std::vector<std::int32_t>>(structure, member).push_back(element.get<std::int32_t>());
    } else if (element.is_string()) {
      member_as<std::vector<std::string>>(structure, member).push_back(element.get<std::string>());
    }
  }
}

void read_member(const Member& member, const Json& json, void* structure) {
  if (member.kind == Kind::kList) return read_list(member, json, structure);
  if (member.kind == Kind::kStructure) {
    if (json.is_object())
      read_json(*member.structure, json, member.optional->emplace(member_at(structure, member)));
    return;
  }
  if (member.kind == Kind::kBlob) {
    if (json.is_string())
      member_as<std::optional<std::string>>(structure, member) = parse_base64(json.get<std::string>());
    return;
  }
  if (member.kind == Kind::kTimestamp) {
    if (json.is_number_integer())
      member_as<std::optional<WallTime>>(structure, member) = WallTime{json.get<std::int64_t>()};
    return;
  }
  with_scalar(member.kind, [&]<class T>() {
    if (holds<T>(json)) member_as<std::optional<T>>(structure, member) = json.get<T>();
  });
}

}  // namespace

Json write_json(const StructureShape& shape, const void* structure) {
  Json json = Json::object();
  for (const Member& member : shape.members) {
    Json value = write_member(member, structure);
    if (!value.is_null()) json[std::string(member.name)] = std::move(value);
  }
  return json;
}

void read_json(const StructureShape& shape, const Json& json, void* structure) {
  if (!json.is_object()) return;
  for (const Member& member : shape.members) {
    const auto found = json.find(std::string(member.name));
    if (found != json.end()) read_member(member, *found, structure);
  }
}

}  // namespace enid::api::protocol
