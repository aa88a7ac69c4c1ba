// Packet trace: the marked packet of `enid trace`, and the words for what each stage made of it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "card/card.h"
#include "card/walk.h"

namespace enid::card {

// A frame as the interface's instance would send it. Empty when the interface has no address.
std::vector<std::uint8_t> make_trace_frame(const TraceSpec& spec, const Interface& from);

void add_step(contract::TraceReport& report, std::string_view stage, StageResult result, const Walk& walk);

contract::PortReport port_report(const Interface& interface);

// Says that the packet was dropped, and why.
void name_drop(contract::TraceReport& report, DropReason reason);

}  // namespace enid::card
