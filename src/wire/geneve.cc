#include "wire/geneve.h"

namespace enid::wire {

namespace {

constexpr std::uint8_t kControl = 0x80;
constexpr std::uint8_t kCritical = 0x40;

}  // namespace

std::optional<GeneveHeader> GeneveHeader::parse(ConstBytes payload) {
  if (payload.size() < kBytesMin) return std::nullopt;
  const std::uint8_t* p = payload.data();
  if (p[0] >> 6 != 0) return std::nullopt;  // A version that is not ours.
  GeneveHeader header;
  header.option_bytes = static_cast<std::uint16_t>((p[0] & 0x3f) * 4);
  header.is_control = (p[1] & kControl) != 0;
  header.has_critical_options = (p[1] & kCritical) != 0;
  header.protocol = load_be16(p + 2);
  header.vni = load_be32(p + 4) >> 8;
  if (header.bytes() > payload.size()) return std::nullopt;
  ConstBytes options = payload.subspan(kBytesMin, header.option_bytes);
  while (!options.empty()) {
    const auto option = GeneveOption::parse(options);
    if (!option) return std::nullopt;
    options = option->rest;
  }
  return header;
}

void GeneveHeader::write(Bytes payload) const {
  std::uint8_t* p = payload.data();
  p[0] = static_cast<std::uint8_t>(option_bytes / 4);
  p[1] = static_cast<std::uint8_t>((is_control ? kControl : 0) | (has_critical_options ? kCritical : 0));
  store_be16(p + 2, protocol);
  store_be32(p + 4, vni << 8);
}

std::optional<GeneveOption> GeneveOption::parse(ConstBytes options) {
  constexpr std::size_t kOptionHeaderBytes = 4;
  if (options.size() < kOptionHeaderBytes) return std::nullopt;
  const std::size_t value_bytes = std::size_t{options[3] & 0x1fu} * 4;
  if (options.size() < kOptionHeaderBytes + value_bytes) return std::nullopt;
  return GeneveOption{.option_class = load_be16(options.data()),
                      .type = options[2],
                      .value = options.subspan(kOptionHeaderBytes, value_bytes),
                      .rest = options.subspan(kOptionHeaderBytes + value_bytes)};
}

}  // namespace enid::wire
