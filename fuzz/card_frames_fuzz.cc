// Frames of hostile guests through a whole card: three instances, every stage. The input is a
// sequence of frames; the first bytes of each choose the sender, the offload notes and the length.
#include "base/check.h"
#include "card/card_lab.h"

namespace {

using namespace enid;
using namespace enid::card;

struct Input {
  ConstBytes left;
  std::uint8_t byte() {
    if (left.empty()) return 0;
    const std::uint8_t value = left.front();
    left = left.subspan(1);
    return value;
  }
  std::uint16_t word() { return static_cast<std::uint16_t>(byte() << 8 | byte()); }
};

FrameOffload offload_of(Input& input) {
  FrameOffload notes;
  const std::uint8_t choice = input.byte();
  notes.checksum_needed = (choice & 1) != 0;
  notes.segmentation = static_cast<Segmentation>(choice >> 1 & 3);
  if (choice == 0) return notes;
  notes.header_bytes = input.word();
  notes.segment_bytes = input.word();
  notes.checksum_start = input.word();
  notes.checksum_offset = input.word();
  return notes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CardLab lab({.flow_entries_max = 64, .tracked_connections_max = 16});
  lab.group("sg-default", {CardLab::any("sgr-in", "sg-default")}, {CardLab::any("sgr-out")});
  lab.interface("a", "10.0.1.5", {"sg-default"});
  lab.interface("b", "10.0.1.6", {"sg-default"});
  lab.interface("c", "10.0.2.7", {"sg-default"}).source_dest_check = false;
  lab.update("c");
  static const std::string kNames[] = {"a", "b", "c"};
  Input input{{data, size}};
  std::uint64_t sent = 0;
  for (; !input.left.empty() && sent < 64; ++sent) {
    const std::uint8_t choice = input.byte();
    const std::string& sender = kNames[choice % 3];
    const FrameOffload offload = offload_of(input);
    const std::size_t length = std::min<std::size_t>(input.word() % 2048, input.left.size());
    std::vector<std::uint8_t> frame(input.left.begin(),
                                    input.left.begin() + static_cast<std::ptrdiff_t>(length));
    input.left = input.left.subspan(length);
    // Mostly from the right MAC, or nothing would pass the first comparison.
    if ((choice & 0x40) == 0 && frame.size() >= 12)
      std::memcpy(frame.data() + 6, lab.interfaces[sender].mac.bytes.data(), 6);
    lab.send_frame(sender, std::move(frame), offload);
    if ((choice & 0x80) != 0) lab.now = lab.now + Duration::from_seconds(choice);
    if (lab.card.next_timeout() <= lab.now) lab.card.on_timeout(lab.now);
  }

  CHECK(lab.card.report().tracked_connections <= 16);
  return 0;
}
