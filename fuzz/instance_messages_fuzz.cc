// What process 1 of an instance reads from others: DHCP answers, the DHCP client's event lines,
// and messages on init.sock. The first byte chooses.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "instances/control_message.h"
#include "instances/init/dhcp_exchange.h"
#include "instances/init/dhcp_lease.h"

using namespace enid;
using namespace enid::instances;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ConstBytes bytes(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0: {
      // Packets of 400 bytes, one after the other.
      DhcpExchange exchange(MacAddress{{2, 0, 0, 0, 0, 9}}, 77);
      for (std::size_t at = 0; at < bytes.size(); at += 400)
        exchange.on_packet(bytes.subspan(at, std::min<std::size_t>(400, bytes.size() - at)));
      if (exchange.lease()) CHECK(exchange.lease()->prefix_length <= 32);
      CHECK(exchange.packet().size() >= 328);
      break;
    }
    case 1: {
      const auto event = parse_dhcp_event(as_text(bytes));
      if (event && event->lease) CHECK(is_domain(event->lease->domain));
      break;
    }
    default: {
      const auto fields = parse_fields(as_text(bytes));
      if (!fields.empty()) CHECK(write_fields(fields) == as_text(bytes));
    }
  }
  return 0;
}
