// Images: those of vpc/images.h. Other ids are taken for the default one, so that people's own templates
// work, unless images are strict.
#pragma once

#include <string>

#include "api/handler.h"

namespace enid::api::ec2 {

// Refuses malformed ids, and unknown ones when images are strict.
Result<void> check_image(const CallContext& context, const std::string& id);

}  // namespace enid::api::ec2
