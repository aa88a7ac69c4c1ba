// What became of a frame that was shown to the link-local services.
#pragma once

#include <cstdint>

namespace enid::card {

enum class ServiceVerdict : std::uint8_t {
  kNotForService,    // The pipeline goes on with the frame.
  kServed,           // Consumed; answered if an answer was due.
  kRateExceeded,     // Dropped: more than 1,024 packets/s to link-local addresses.
  kMalformed,        // Dropped: bytes that no honest client sends.
  kNobodyThere,      // Dropped: nobody answers at this address, protocol or port.
  kServiceDisabled,  // Dropped: turned off by the VPC's or the instance's attributes.
  kForeignSource,    // Dropped: the source is not an address of the interface.
};

}  // namespace enid::card
