// MetadataTree: folders over the flat map of an instance's metadata.
//
// Theory of operation
//   The map is path -> text; a folder is whatever a path passes through. A folder's listing has
//   one name a line, folders with a slash behind them. A path that ends in a slash is the
//   listing of that folder in the map's own words: public-keys/ lists "0=name-of-the-key",
//   which is no path.
//
// Observed: the names right below a version (dynamic, meta-data, user-data) have no slash; a
// folder answers the same with and without a slash at its end; no line end after the last name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace enid::card {

using MetadataMap = std::map<std::string, std::string>;

// The text at `path` (below a version, no slash in front), a leaf's or a listing.
std::optional<std::string> metadata_at(const MetadataMap& metadata, std::string_view path);

}  // namespace enid::card
