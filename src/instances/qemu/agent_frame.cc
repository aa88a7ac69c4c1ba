#include "instances/qemu/agent_frame.h"

#include <charconv>
#include <utility>

namespace enid::instances {
namespace {

constexpr char kMark = 0x7e;
constexpr char kEscape = 0x7d;
constexpr char kEscapedBit = 0x20;
constexpr std::size_t kHeadBytes = 9;

void append_number(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

std::optional<AgentFrame> parse(const std::string& bytes) {
  if (bytes.size() < kHeadBytes || number_at(bytes, 5) != bytes.size() - kHeadBytes) return std::nullopt;
  return AgentFrame{static_cast<AgentVerb>(bytes[0]), number_at(bytes, 1), bytes.substr(kHeadBytes)};
}

}  // namespace

std::string write_agent_frame(AgentVerb verb, std::uint32_t session, std::string_view data) {
  std::string plain(1, static_cast<char>(verb));
  append_number(plain, session);
  append_number(plain, static_cast<std::uint32_t>(data.size()));
  plain.append(data);
  std::string out(1, kMark);
  out.reserve(plain.size() + plain.size() / 16 + 2);
  for (const char byte : plain) {
    if (byte == kMark || byte == kEscape) {
      out.push_back(kEscape);
      out.push_back(static_cast<char>(byte ^ kEscapedBit));
    } else {
      out.push_back(byte);
    }
  }
  out.push_back(kMark);
  return out;
}

std::optional<AgentFrame> AgentFrameReader::next() {
  std::size_t used = 0;
  std::optional<AgentFrame> found;
  while (used < waiting_.size() && !found) {
    const char byte = waiting_[used++];
    if (byte == kMark) {
      if (!skip_ && !escaped_) found = parse(frame_);
      frame_.clear();
      skip_ = escaped_ = false;
    } else if (skip_) {
      continue;
    } else if (frame_.size() == kLargestAgentFrame) {
      skip_ = true;
      frame_.clear();
    } else if (!escaped_ && byte == kEscape) {
      escaped_ = true;
    } else {
      frame_.push_back(escaped_ ? static_cast<char>(byte ^ kEscapedBit) : byte);
      escaped_ = false;
    }
  }
  waiting_.erase(0, used);
  return found;
}

void AgentFrameReader::restart() { *this = AgentFrameReader(); }

std::size_t agent_number(std::string_view text, std::size_t otherwise) {
  std::size_t value = otherwise;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : otherwise;
}

}  // namespace enid::instances
