#include "card/services/metadata_tree.h"

namespace enid::card {
namespace {

// `prefix` ends in a slash or is empty.
std::optional<std::string> listing(const MetadataMap& metadata, const std::string& prefix) {
  std::string text;
  std::string_view last;
  bool is_there = false;
  for (auto it = metadata.lower_bound(prefix); it != metadata.end() && it->first.starts_with(prefix); ++it) {
    const std::string_view rest = std::string_view(it->first).substr(prefix.size());
    if (rest.empty()) return it->second;
    is_there = true;
    const std::size_t slash = rest.find('/');
    const bool with_slash = slash != std::string_view::npos && !prefix.empty();
    const std::string_view name = rest.substr(0, with_slash ? slash + 1 : slash);
    if (name == last) continue;
    if (!text.empty()) text += '\n';
    text += name;
    last = name;
  }
  if (!is_there) return std::nullopt;
  return text;
}

}  // namespace

std::optional<std::string> metadata_at(const MetadataMap& metadata, std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  std::string name(path);
  if (name.empty()) return listing(metadata, name).value_or("");
  if (const auto leaf = metadata.find(name); leaf != metadata.end() && !name.ends_with('/'))
    return leaf->second;
  return listing(metadata, name + '/');
}

}  // namespace enid::card
