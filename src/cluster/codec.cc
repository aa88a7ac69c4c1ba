#include "cluster/codec.h"

#include <limits>

#include "cluster/conversions.h"

namespace enid::cluster {
namespace {

template <class Proto, class Value>
std::string encode_as(const Value& value) {
  Proto proto;
  to_proto(value, proto);
  return proto.SerializeAsString();
}

template <class Proto>
auto decode_as(std::string_view bytes) -> decltype(from_proto(std::declval<const Proto&>())) {
  Proto proto;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return malformed("the bytes are no message of enid's");
  return from_proto(proto);
}

}  // namespace

std::string encode(const CardMessage& message) { return encode_as<v1::CardMessage>(message); }
std::string encode(const ControlMessage& message) { return encode_as<v1::ControlMessage>(message); }
std::string encode(const KeptProgram& kept) { return encode_as<v1::KeptProgram>(kept); }

Result<CardMessage> decode_card_message(std::string_view bytes) { return decode_as<v1::CardMessage>(bytes); }
Result<ControlMessage> decode_control_message(std::string_view bytes) {
  return decode_as<v1::ControlMessage>(bytes);
}
Result<KeptProgram> decode_kept_program(std::string_view bytes) { return decode_as<v1::KeptProgram>(bytes); }

}  // namespace enid::cluster
