// Little-endian loads and stores, by name. PCI and vfio-user are little-endian throughout; base/bytes.h
// has network byte order. The process itself runs on little-endian machines only, as vfio-user
// over a Unix socket is in the host's own order.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace enid::pci {

static_assert(std::endian::native == std::endian::little);

template <class Word>
Word load_little_endian(const std::uint8_t* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

template <class Word>
void store_little_endian(std::uint8_t* into, Word word) {
  std::memcpy(into, &word, sizeof word);
}

}  // namespace enid::pci
