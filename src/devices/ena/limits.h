// What an ENA device of enid has: sizes, limits, and where things are.
//
//   Documented: Linux drivers/net/ethernet/amazon/ena (the driver's own bounds: at least 256 entries a ring,
//   at least 2 vectors, at most 96 bytes of header). Chosen: all else.
#pragma once

#include <cstddef>
#include <cstdint>

namespace enid::devices::ena {

constexpr std::uint16_t kQueuePairsMax = 8;
constexpr std::uint16_t kCompletionQueuesMax = 2 * kQueuePairsMax;
constexpr std::uint16_t kVectorsMax = 1 + kQueuePairsMax;  // Vector 0: admin queue and events.
constexpr std::uint16_t kNoVector = 0xffff;                // A polled queue (iPXE, DPDK).
constexpr std::uint16_t kDepthMin = 16;                    // iPXE's transmit ring.
constexpr std::uint16_t kDepthMax = 1024;
constexpr std::uint16_t kTransmitDescriptorsMax = 17;  // Of one packet.
constexpr std::uint16_t kReceiveDescriptorsMax = 16;
constexpr std::uint16_t kHeaderBytesMax = 96;
constexpr std::uint32_t kMtuMax = 9216;
constexpr std::size_t kSteeringTableEntries = 128;

// BAR 0: registers (trapped), one page of doorbells (mapped), MSI-X table and pending bits (QEMU's).
constexpr std::uint64_t kRegisterBarBytes = 64 * 1024;
constexpr std::uint64_t kDoorbellPageOffset = 0x1000;
constexpr std::uint64_t kDoorbellPageBytes = 0x1000;
constexpr std::uint64_t kMsixTableOffset = 0x8000;
constexpr std::uint64_t kMsixPendingOffset = 0x9000;

// The doorbell page's words, by offset in the page. Each group on cache lines of its own.
constexpr std::uint32_t transmit_doorbell(std::uint16_t queue) { return 0x000 + queue * 64u; }
constexpr std::uint32_t receive_doorbell(std::uint16_t queue) { return 0x200 + queue * 64u; }
constexpr std::uint32_t unmask_word(std::uint16_t vector) { return 0x400 + vector * 64u; }
constexpr std::uint32_t completion_head(std::uint16_t queue) { return 0x800 + queue * 64u; }
// For polled queues, which have no vector to unmask.
constexpr std::uint32_t kUnusedUnmaskWord = 0xfc0;

// BAR 2: low-latency queues. One transmit queue's entries after the other's.
constexpr std::uint16_t kLowLatencyEntryBytes = 128;
constexpr std::uint64_t kLowLatencyQueueBytes = std::uint64_t{kDepthMax} * kLowLatencyEntryBytes;
constexpr std::uint64_t kLowLatencyBarBytes = kQueuePairsMax * kLowLatencyQueueBytes;  // 1 MiB.

}  // namespace enid::devices::ena
