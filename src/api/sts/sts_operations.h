// STS, as much of it as clients ask to learn who they are.
#pragma once

#include "api/handler.h"

namespace enid::api::sts {

void add_operations(OperationTable& table);

}  // namespace enid::api::sts
