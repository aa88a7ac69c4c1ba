#include "instances/qemu/qmp_message.h"

#include <utility>

namespace enid::instances {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::unexpected<Error> not_qmp(std::string_view why) {
  return failure(std::make_error_code(std::errc::protocol_error), "QEMU: " + std::string(why));
}

}  // namespace

Result<QmpMessage> parse_qmp_message(std::string_view line) {
  json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return not_qmp("what it says is no JSON object");
  QmpMessage message;
  if (const auto id = object.find("id"); id != object.end() && id->is_number_integer())
    message.id = id->get<std::int64_t>();
  if (const auto greeting = object.find("QMP"); greeting != object.end()) {
    message.kind = QmpMessage::Kind::kGreeting;
    message.content = std::move(*greeting);
  } else if (const auto answer = object.find("return"); answer != object.end()) {
    message.kind = QmpMessage::Kind::kAnswer;
    message.content = std::move(*answer);
  } else if (const auto error = object.find("error"); error != object.end() && error->is_object()) {
    message.kind = QmpMessage::Kind::kRefusal;
    message.name = text_of(*error, "class");
    message.text = text_of(*error, "desc");
  } else if (object.contains("event")) {
    message.kind = QmpMessage::Kind::kEvent;
    message.name = text_of(object, "event");
    if (const auto data = object.find("data"); data != object.end()) message.content = std::move(*data);
  } else {
    return not_qmp("a message of no known kind");
  }
  return message;
}

std::string write_qmp_command(std::string_view name, const json& arguments, std::int64_t id) {
  json command = {{"execute", name}, {"id", id}};
  if (!arguments.is_null()) command["arguments"] = arguments;
  return command.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

void QmpReader::on_bytes(std::string_view bytes) { waiting_.append(bytes); }

Result<std::optional<QmpMessage>> QmpReader::next() {
  for (;;) {
    const std::size_t end = waiting_.find('\n', scanned_);
    if (end > kLongestQmpLine && waiting_.size() > kLongestQmpLine) return not_qmp("a line that is too long");
    if (end == std::string::npos) {
      scanned_ = waiting_.size();
      return std::nullopt;
    }
    const std::string line = waiting_.substr(0, end);
    waiting_.erase(0, end + 1);
    scanned_ = 0;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    return TRY(parse_qmp_message(line));
  }
}

}  // namespace enid::instances
