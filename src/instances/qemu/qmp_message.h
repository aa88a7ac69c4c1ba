// QMP messages: what QEMU says on its control socket, a JSON object a line.
//
// Theory of operation
//   QmpReader is fed with bytes as they come and yields whole messages. A message is the
//   greeting, the answer to a command, or an event that nobody asked for.
//
// Invariants
//   (1) Nothing that QEMU sends makes it abort, and it holds at most kLongestQmpLine bytes of an
//       unfinished line. What is no message is an error, after which the reader is of no use:
//       the two sides no longer agree.
//
// Sources: Documented: QEMU, docs/interop/qmp-spec.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace enid::instances {

inline constexpr std::size_t kLongestQmpLine = 1 << 20;

struct QmpMessage {
  enum class Kind : std::uint8_t { kGreeting, kAnswer, kRefusal, kEvent };

  Kind kind = Kind::kAnswer;
  std::string name;        // An event's name, or a refusal's class.
  std::string text;        // What a refusal says.
  nlohmann::json content;  // The greeting, the answer, or the event's data.
  std::int64_t id = -1;    // Of the command that is answered.
};

Result<QmpMessage> parse_qmp_message(std::string_view line);

// A command as it is sent, with the end of its line.
std::string write_qmp_command(std::string_view name, const nlohmann::json& arguments, std::int64_t id);

class QmpReader {
 public:
  void on_bytes(std::string_view bytes);
  // The next whole message; nothing when more bytes are needed.
  Result<std::optional<QmpMessage>> next();

 private:
  std::string waiting_;
  std::size_t scanned_ = 0;  // No line ends before this.
};

}  // namespace enid::instances
