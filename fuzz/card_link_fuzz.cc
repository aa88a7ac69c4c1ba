// What a card and a control plane say to each other: whatever is accepted can be said again, and comes out
// the same.
#include "base/check.h"
#include "cluster/codec.h"

using namespace enid;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto message = cluster::decode_card_message(bytes))
    CHECK(cluster::decode_card_message(cluster::encode(*message)).has_value());
  if (const auto message = cluster::decode_control_message(bytes))
    CHECK(cluster::decode_control_message(cluster::encode(*message)).has_value());
  if (const auto kept = cluster::decode_kept_program(bytes))
    CHECK(cluster::decode_kept_program(cluster::encode(*kept)).has_value());
  return 0;
}
