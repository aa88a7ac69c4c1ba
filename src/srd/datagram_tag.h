// The tag of a datagram: a keyed hash over every field of header and body except the tag itself.
// Chosen: SipHash instead of an AEAD, because it costs some 20 ns and stops everybody who does not know
// the key from acknowledging, resetting or filling the receive window. It does not hide or protect
// payloads; encryption between cards brings a tag of its own.
//
// setup_tag() is under the key of the pair, datagram_tag() under that of a session.
#pragma once

#include <cstdint>

#include "srd/keyed_hash.h"
#include "wire/srd_header.h"

namespace enid::srd {

std::uint64_t setup_tag(const HashKey& pair_key, const wire::SrdDatagram& datagram);
std::uint64_t datagram_tag(const HashKey& session_key, const wire::SrdDatagram& datagram);

}  // namespace enid::srd
