// XmlWriter: elements and text, escaped; nothing more of XML than AWS's answers use.
//
//   Text that XML 1.0 cannot hold (most control characters, bytes that are not UTF-8) becomes
//   U+FFFD, so that one bad description does not make a whole answer unreadable. Carriage returns
//   are written as character references, because parsers fold them otherwise.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace enid::api::protocol {

class XmlWriter {
 public:
  // `name` must be a name of the service model: it is not escaped.
  void open(std::string_view name);
  void open(std::string_view name, std::string_view xml_namespace);
  void close(std::string_view name);
  void empty(std::string_view name);
  void element(std::string_view name, std::string_view text);
  // Text that is XML already.
  void raw(std::string_view xml) { out_ += xml; }

  std::string take() { return std::move(out_); }

 private:
  void text(std::string_view text);

  std::string out_;
};

}  // namespace enid::api::protocol
