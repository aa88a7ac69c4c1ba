#include "card/services/service_frames.h"

#include "base/check.h"

namespace enid::card {

Bytes ServiceFrames::add(InterfaceHandle to, std::size_t size) {
  CHECK(size <= kFrameBytesMax);
  if (full()) {
    ++dropped_;
    return {};
  }
  ServiceFrame& frame = frames_[used_++];
  frame.to = to;
  frame.bytes.assign(size, 0);
  return frame.bytes;
}

}  // namespace enid::card
