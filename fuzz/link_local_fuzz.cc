// Frames of an instance that obeys nothing, into the link-local services.
//
//   The input is a list of records: a byte that says what happens, a length, and that many bytes. A
//   record is a whole frame, or a payload to a service with right headers and checksums around it,
//   or the continuation of a TCP connection that is really open, or time that passes.
#include <array>
#include <cstdint>

#include "card/services/scripted_client.h"
#include "fuzz/input.h"

namespace enid::card {
namespace {

using fuzz::take;

void play(ConstBytes input) {
  ScriptedClient client;
  ScriptedConnection http(client, kMetadataServerAddress, 80, 1);
  ScriptedConnection dns(client, kResolverLinkAddress, 53, 2);
  http.connect();
  dns.connect();
  while (input.size() >= 3) {
    const std::uint8_t what = input[0];
    const std::size_t length = load_be16(&input[1]) % 2048;
    input = input.subspan(3);
    const ConstBytes bytes = take(input, length);
    switch (what % 8) {
      case 0:
        client.send_frame({bytes.begin(), bytes.end()}, {.checksum_valid = true});
        break;
      case 1:
        client.send_udp(client.path_to(Ipv4Address{0xffffffff}, 67, 68), bytes);
        break;
      case 2:
        client.send_udp(client.path_to(kResolverLinkAddress, 53, 5353), bytes);
        break;
      case 3:
        client.send_udp(client.path_to(kTimeServerAddress, 123, 5000), bytes);
        break;
      case 4:
        http.exchange(as_text(bytes));
        break;
      case 5:
        dns.exchange(as_text(bytes));
        break;
      case 6:
        client.advance(Duration::from_milliseconds(static_cast<std::int64_t>(length) * 8));
        break;
      default:
        if (auto question = client.services.take_forwarded_dns()) {
          question->bytes[2] |= 0x80;
          question->bytes.insert(question->bytes.end(), bytes.begin(), bytes.end());
          client.bring_dns_answer(question->bytes);
        }
        client.bring_dns_answer(bytes);
    }
    client.answers.clear();
  }
  client.services.forget_interface(client.handle);
}

}  // namespace
}  // namespace enid::card

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  enid::card::play({data, size});
  return 0;
}
