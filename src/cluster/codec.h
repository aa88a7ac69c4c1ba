// Messages of the stream as bytes, and what a card keeps on disk as bytes: protobuf, checked. The stream
// itself (gRPC) does the same without the detour; these are for files, tests and the fuzzer.
#pragma once

#include <string>
#include <string_view>

#include "cluster/messages.h"

namespace enid::cluster {

std::string encode(const CardMessage& message);
std::string encode(const ControlMessage& message);
std::string encode(const KeptProgram& kept);
// Refused: what a peer of this version would not write.
Result<CardMessage> decode_card_message(std::string_view bytes);
Result<ControlMessage> decode_control_message(std::string_view bytes);
Result<KeptProgram> decode_kept_program(std::string_view bytes);

}  // namespace enid::cluster
