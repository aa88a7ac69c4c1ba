// What QEMU and a guest's agent say to the daemon: QMP lines, and frames over the virtio serial
// port. The first byte chooses; the second is the size of the pieces they come in.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "instances/qemu/agent_frame.h"
#include "instances/qemu/qmp_message.h"

using namespace enid;
using namespace enid::instances;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view bytes = as_text({data + 2, size - 2});
  const std::size_t piece = data[1] + 1U;
  QmpReader lines;
  AgentFrameReader frames;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    const std::string_view next = bytes.substr(0, piece);
    if (data[0] % 2 == 0) {
      lines.on_bytes(next);
      for (auto message = lines.next(); message && *message;) message = lines.next();
    } else {
      frames.on_bytes(next);
      while (const auto frame = frames.next()) {
        // What was understood can be said again, and is understood in the same way.
        AgentFrameReader again;
        again.on_bytes(write_agent_frame(frame->verb, frame->session, frame->data));
        const auto same = again.next();
        CHECK(same && same->verb == frame->verb && same->session == frame->session &&
              same->data == frame->data);
      }
    }
  }
  return 0;
}
