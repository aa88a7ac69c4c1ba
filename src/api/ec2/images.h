// Images: enid has one, for instances that are Linux namespaces. Ids of others are taken for it,
// so that people's own templates work, unless images are strict.
#pragma once

#include <string>

#include "api/handler.h"

namespace enid::api::ec2 {

inline constexpr const char* kDefaultImage = "ami-0e1d0000000000001";

// Refuses malformed ids, and unknown ones when images are strict.
Result<void> check_image(const CallContext& context, const std::string& id);

}  // namespace enid::api::ec2
