// NoResult: what an operation returns for which the model has no output. On the wire it is
// EC2's <return>true</return>.
#pragma once

namespace enid::api {

struct NoResult {};

}  // namespace enid::api
