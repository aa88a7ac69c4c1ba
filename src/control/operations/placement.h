// On which host an instance runs.
#pragma once

#include <cstddef>

#include "control/transaction.h"

namespace enid::control {

// The host for an instance that needs this many virtual functions. Null: none has the capacity.
const Host* choose_host(const Transaction& transaction, const InstanceRecord& instance,
                        std::size_t interfaces);

// Records of earlier versions name no host: theirs was this one.
void assign_host(Transaction& transaction, const HostId& host);

}  // namespace enid::control
