// AdminCommand: one entry of the admin queue, copied out of the guest's memory, and its answer.
//
//   Documented: ena_admin_defs.h (ena_admin_aq_entry, ena_admin_acq_entry). Observed: Linux sets the
//   "indirect" flag and yet gives the control buffer's own address; commands for statistics set no flag at
//   all and give a buffer. So a buffer is there when it has a length.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "pci/guest_memory.h"
#include "pci/little_endian.h"

namespace enid::devices::ena {

// ena_admin_aq_completion_status
enum class AdminStatus : std::uint8_t {
  kSuccess = 0,
  kNoResources = 1,
  kBadOpcode = 2,
  kUnsupported = 3,
  kMalformed = 4,
  kIllegalParameter = 5,
  kUnknownError = 6,
  kBusy = 7,
};

enum class AdminOpcode : std::uint8_t {
  kCreateSubmissionQueue = 1,
  kDestroySubmissionQueue = 2,
  kCreateCompletionQueue = 3,
  kDestroyCompletionQueue = 4,
  kGetFeature = 8,
  kSetFeature = 9,
  kGetStatistics = 11,
};

class AdminCommand {
 public:
  static constexpr std::size_t kBytes = 64;

  std::array<std::uint8_t, kBytes> bytes{};

  template <class Word>
  Word load(std::size_t at) const {
    return pci::load_little_endian<Word>(bytes.data() + at);
  }
  // ena_common_mem_addr: 48 bits.
  std::uint64_t address(std::size_t at) const {
    return load<std::uint32_t>(at) | std::uint64_t{load<std::uint16_t>(at + 4)} << 32;
  }

  std::uint16_t id() const { return load<std::uint16_t>(0) & 0xfff; }
  AdminOpcode opcode() const { return static_cast<AdminOpcode>(bytes[2]); }
  std::uint32_t buffer_length() const { return load<std::uint32_t>(4); }
  std::uint64_t buffer_address() const { return address(8); }
};

// What follows the head of an answer: ena_admin_acq_entry's response_specific_data.
class AdminAnswer {
 public:
  static constexpr std::size_t kBytes = 56;

  std::array<std::uint8_t, kBytes> bytes{};

  template <class Word>
  void store(std::size_t at, Word word) {
    pci::store_little_endian(bytes.data() + at, word);
  }
};

}  // namespace enid::devices::ena
