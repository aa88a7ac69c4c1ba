// PolledPort: a port whose other side gives no sign: its rings lie in memory that a guest writes.
//
//   A TAP device wakes whoever waits for it; a doorbell in shared memory does not. The owner of
//   the card's thread looks at every polled port often, cheaply, and less often while nothing happens.
#pragma once

#include "base/time.h"
#include "card/ports/frame_port.h"

namespace enid::card {

class PolledPort : public FramePort {
 public:
  // Before receive() and transmit() of a round; also carries out what is due.
  virtual void on_time(Instant now) = 0;
  // A few loads: whether receive() would give frames now.
  virtual bool has_work() const = 0;
  // When on_time() must be called at the latest; Instant::never() when nothing is due.
  virtual Instant next_timeout() const = 0;
};

}  // namespace enid::card
