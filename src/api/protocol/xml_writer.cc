#include "api/protocol/xml_writer.h"

#include <cstddef>
#include <cstdint>

namespace enid::api::protocol {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The length of the UTF-8 character at the front of `text` if XML 1.0 can hold it, otherwise 0
// (RFC 3629, section 4; XML 1.0, section 2.2).
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  std::uint32_t point = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (overlong || surrogate || point > 0x10FFFF || point == 0xFFFE || point == 0xFFFF) return 0;
  return length;
}

}  // namespace

void XmlWriter::open(std::string_view name) {
  out_ += '<';
  out_ += name;
  out_ += '>';
}

void XmlWriter::open(std::string_view name, std::string_view xml_namespace) {
  out_ += '<';
  out_ += name;
  out_ += " xmlns=\"";
  text(xml_namespace);
  out_ += "\">";
}

void XmlWriter::close(std::string_view name) {
  out_ += "</";
  out_ += name;
  out_ += '>';
}

void XmlWriter::empty(std::string_view name) {
  out_ += '<';
  out_ += name;
  out_ += "/>";
}

void XmlWriter::element(std::string_view name, std::string_view content) {
  open(name);
  text(content);
  close(name);
}

void XmlWriter::text(std::string_view content) {
  while (!content.empty()) {
    const std::size_t length = character_length(content);
    if (length == 0) {
      out_ += kReplacement;
      content.remove_prefix(1);
      continue;
    }
    switch (content.front()) {
      case '&':
        out_ += "&amp;";
        break;
      case '<':
        out_ += "&lt;";
        break;
      case '>':
        out_ += "&gt;";
        break;
      case '"':
        out_ += "&quot;";
        break;
      case '\r':
        out_ += "&#xD;";
        break;
      default:
        out_ += content.substr(0, length);
    }
    content.remove_prefix(length);
  }
}

}  // namespace enid::api::protocol
