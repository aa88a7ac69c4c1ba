// pcapng: the capture file that Wireshark and tshark read, written block by block.
//
// Theory of operation
//   A stream is one section header, one description per interface, then one enhanced packet
//   block per frame. Each function answers the bytes of one block; the owner appends them to
//   a file or a pipe in that order. Interfaces are named by their place in the order of their
//   descriptions, from 0. Times are nanoseconds since 1970, told by the option if_tsresol.
//
// Sources: Documented: IETF draft-ietf-opsawg-pcapng, sections 4.1 (section header), 4.2
//   (interface description), 4.3 (enhanced packet) and 3.5 (options). All in little endian:
//   the reader learns the order from the section header's magic number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace enid::wire::pcapng {

enum class Direction : std::uint8_t { kUnknown = 0, kInbound = 1, kOutbound = 2 };

struct PacketNote {
  std::uint32_t interface = 0;
  std::int64_t nanoseconds_since_epoch = 0;
  // As the interface's owner sees it: inbound is what the instance receives.
  Direction direction = Direction::kUnknown;
  std::uint32_t original_bytes = 0;  // On the wire; more than is kept when a frame was cut.
  std::string_view comment = {};     // Shown by Wireshark with the packet. Empty: none.
};

std::string section_header(std::string_view application);
std::string interface_description(std::string_view name, std::string_view description,
                                  std::uint32_t snap_bytes);
std::string packet(const PacketNote& note, ConstBytes frame);

}  // namespace enid::wire::pcapng
