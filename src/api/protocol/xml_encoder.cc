#include "api/protocol/xml_encoder.h"

#include <fmt/format.h>

#include "api/protocol/base64.h"
#include "api/protocol/member_access.h"
#include "api/protocol/timestamp.h"
#include "api/protocol/xml_writer.h"
#include "base/time.h"

namespace enid::api::protocol {
namespace {

constexpr std::string_view kDeclaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

void write_structure(XmlWriter& xml, const StructureShape& shape, const void* structure);

template <class T, class Text>
void write_optional(XmlWriter& xml, const Member& member, const void* structure, Text text) {
  const auto& value = member_as<std::optional<T>>(structure, member);
  if (value) xml.element(member.response_name, text(*value));
}

void write_list(XmlWriter& xml, const Member& member, const void* structure) {
  if (member.element_kind == Kind::kStructure) {
    const void* list = member_at(structure, member);
    const std::size_t size = member.list->size(list);
    if (size == 0) return xml.empty(member.response_name);
    xml.open(member.response_name);
    for (std::size_t i = 0; i < size; ++i) {
      xml.open(member.item_name);
      write_structure(xml, *member.structure, member.list->element(list, i));
      xml.close(member.item_name);
    }
    return xml.close(member.response_name);
  }
  const auto write_all = [&](const auto& values, auto text) {
    if (values.empty()) return xml.empty(member.response_name);
    xml.open(member.response_name);
    for (const auto& value : values) xml.element(member.item_name, text(value));
    xml.close(member.response_name);
  };
  if (member.element_kind == Kind::kInteger)
    write_all(member_as<std::vector<std::int32_t>>(structure, member),
              [](std::int32_t value) { return std::to_string(value); });
  else
    write_all(member_as<std::vector<std::string>>(structure, member),
              [](const std::string& value) -> const std::string& { return value; });
}

void write_member(XmlWriter& xml, const Member& member, const void* structure) {
  switch (member.kind) {
    case Kind::kString:
      return write_optional<std::string>(xml, member, structure,
                                         [](const std::string& text) -> const std::string& { return text; });
    case Kind::kBlob:
      return write_optional<std::string>(xml, member, structure, write_base64);
    case Kind::kBoolean:
      return write_optional<bool>(xml, member, structure,
                                  [](bool value) { return std::string_view(value ? "true" : "false"); });
    case Kind::kInteger:
      return write_optional<std::int32_t>(xml, member, structure,
                                          [](std::int32_t value) { return std::to_string(value); });
    case Kind::kLong:
      return write_optional<std::int64_t>(xml, member, structure,
                                          [](std::int64_t value) { return std::to_string(value); });
    case Kind::kDouble:
      return write_optional<double>(xml, member, structure,
                                    [](double value) { return fmt::format("{}", value); });
    case Kind::kTimestamp:
      return write_optional<WallTime>(xml, member, structure, write_timestamp);
    case Kind::kList:
      return write_list(xml, member, structure);
    case Kind::kStructure:
      if (const void* inner = member.optional->value(member_at(structure, member))) {
        xml.open(member.response_name);
        write_structure(xml, *member.structure, inner);
        xml.close(member.response_name);
      }
      return;
  }
}

void write_structure(XmlWriter& xml, const StructureShape& shape, const void* structure) {
  for (const Member& member : shape.members) write_member(xml, member, structure);
}

}  // namespace

std::string encode_result(const OperationShape& operation, const void* result) {
  XmlWriter xml;
  if (operation.output != nullptr)
    write_structure(xml, *operation.output, result);
  else
    xml.element("return", "true");
  return xml.take();
}

std::string wrap_result(const ServiceShape& service, const OperationShape& operation, std::string_view result,
                        std::string_view request_id) {
  XmlWriter xml;
  xml.raw(kDeclaration);
  const std::string envelope = fmt::format("{}Response", operation.name);
  // Documented: the examples of EC2's API reference end the namespace in a slash; the model does not.
  const bool slash = service.protocol == Protocol::kEc2 && !service.xml_namespace.ends_with('/');
  xml.open(envelope, fmt::format("{}{}", service.xml_namespace, slash ? "/" : ""));
  if (service.protocol == Protocol::kEc2) {
    xml.element("requestId", request_id);
    xml.raw(result);
  } else {
    if (operation.output != nullptr) {
      xml.open(operation.result_wrapper);
      xml.raw(result);
      xml.close(operation.result_wrapper);
    }
    xml.open("ResponseMetadata");
    xml.element("RequestId", request_id);
    xml.close("ResponseMetadata");
  }
  xml.close(envelope);
  return xml.take();
}

std::string encode_error(const ServiceShape& service, std::string_view code, std::string_view message,
                         int http_status, std::string_view request_id) {
  XmlWriter xml;
  xml.raw(kDeclaration);
  if (service.protocol == Protocol::kEc2) {
    xml.open("Response");
    xml.open("Errors");
    xml.open("Error");
    xml.element("Code", code);
    xml.element("Message", message);
    xml.close("Error");
    xml.close("Errors");
    xml.element("RequestID", request_id);
    xml.close("Response");
    return xml.take();
  }
  xml.open("ErrorResponse", service.xml_namespace);
  xml.open("Error");
  xml.element("Type", http_status >= 500 ? "Receiver" : "Sender");
  xml.element("Code", code);
  xml.element("Message", message);
  xml.close("Error");
  xml.element("RequestId", request_id);
  xml.close("ErrorResponse");
  return xml.take();
}

}  // namespace enid::api::protocol
