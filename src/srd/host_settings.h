// Settings of SRD between cards that speak over the sockets of a kernel.
#pragma once

#include "srd/settings.h"

namespace enid::srd {

// Without incarnation, key and context. `link_bits_per_second`: this card's own link, or what is allowed.
Settings host_settings(std::uint64_t link_bits_per_second);

}  // namespace enid::srd
