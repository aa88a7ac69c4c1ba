// RemoteHost: the card of another machine, as this card sees it, and the frames on their way there.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "card/ports/frame_port.h"
#include "card/tunnel/tunnel_sender.h"
#include "contract/card_program.h"

namespace enid::card {

struct Interface;
struct ExpressLink;

// As Output of an interface, for frames that leave in one tunnel.
struct TunnelOutput {
  std::array<TunnelFrame, kBatchFrames> frames;
  std::array<Interface*, kBatchFrames> senders;
  std::array<std::uint8_t, kBatchFrames> places;
};

struct RemoteHost {
  contract::HostProgram program;
  // The longest IP packet that fits between the hosts, inside. The card's owner finds out.
  std::uint16_t mtu = 9001;
  // The same by SRD, whose headers are longer. Beyond kExpressMtu it changes nothing.
  std::uint16_t express_mtu = 9001;
  // ENA Express to there. Null: both cards have no key in common, or this one has no SRD.
  ExpressLink* express = nullptr;

  std::unique_ptr<TunnelOutput> output;  // Made by the first frame.
  std::size_t output_count = 0;
  std::uint64_t sent_frames = 0;
};

}  // namespace enid::card
