#include "srd/host_settings.h"

namespace enid::srd {

Settings host_settings(std::uint64_t link_bits_per_second) {
  Settings settings;
  settings.link_bits_per_second = link_bits_per_second;
  // Two kernels and two threads that take turns with others: even without queues in the network a datagram
  // is under way for tens of microseconds, and what varies is the threads. Documented: Swift (Kumar and
  // others, SIGCOMM 2020) begins at 50 us for the fabric alone and needs as much again for hosts.
  settings.base_rtt = Duration::from_microseconds(100);
  settings.target_delay = Duration::from_microseconds(200);
  // Observed: on four paths of 100 Mbit/s, where one datagram takes 0.7 ms a link, one TCP flow gets 80
  // Mbit/s by 200 us alone, 230 by 8, 360 by 16 (enid lab).
  settings.target_messages = 16;
  settings.rto_min = Duration::from_milliseconds(1);
  // A card's thread takes what came in batches, and one acknowledgement a batch is enough; each costs as much
  // of the kernel as a super-datagram of data. The last of a burst is acknowledged at once anyway.
  settings.acknowledge_messages = 32;
  settings.acknowledge_bytes = 128 << 10;
  settings.acknowledge_delay = Duration::from_microseconds(50);
  // One super-datagram: 7 of 8.9 KB are what UDP's 64 KB hold. What leaves in a round may be several.
  settings.path_run = 7;
  // A train of seven takes 5 ms on such a path: TCP would see what the others brought meanwhile as losses.
  settings.path_run_time = Duration::from_microseconds(100);
  settings.burst_datagrams = 64;
  // Chosen: requests that follow each other by milliseconds keep to paths that are not full.
  settings.recycled_time = Duration::from_milliseconds(200);
  return settings;
}

}  // namespace enid::srd
