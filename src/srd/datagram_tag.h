// The tag of a datagram: a keyed hash over every field of header and body except the tag itself. It stops
// everybody who does not know the key from acknowledging, resetting or filling the receive window. It does
// not hide or protect payloads; encryption between cards brings a tag of its own.
//
// Theory of operation
//   setup_tag() is SipHash-2-4 under the key of the pair. datagram_tag(), of data and acknowledgements, is
//   paid for by every datagram twice: NH, a sum of products of the words and as many secret ones, makes 128
//   bits of them, and one block of AES-128 makes those unpredictable; half of that is the tag. Two different
//   datagrams have the same NH with a probability of 2^-63, whatever they are, so who sees q tags and chooses
//   what is tagged tells this from a random function with q^2 / 2^64, and a blind forgery succeeds with
//   2^-63. Documented: NH is UMAC's (RFC 4418 section 5.2, here with words of 64 bits); a block cipher over a
//   universal hash needs no nonce, which a datagram does not have: path sequences and clocks wrap.
#pragma once

#include <array>
#include <cstdint>

#include "srd/aes_block.h"
#include "srd/keyed_hash.h"
#include "wire/srd_header.h"

namespace enid::srd {

// Made once a session.
class TagKey {
 public:
  // Four words of header, ten of acknowledgement.
  static constexpr std::size_t kWords = 14;

  TagKey() = default;
  explicit TagKey(const HashKey& session_key);

  const std::array<std::uint64_t, kWords>& words() const { return words_; }
  const AesKey& cipher() const { return cipher_; }

 private:
  AesKey cipher_;
  std::array<std::uint64_t, kWords> words_{};
};

std::uint64_t setup_tag(const HashKey& pair_key, const wire::SrdDatagram& datagram);
std::uint64_t datagram_tag(const TagKey& key, const wire::SrdDatagram& datagram);

}  // namespace enid::srd
