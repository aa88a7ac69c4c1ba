// DataPathMessage: what the halves of a device say to each other when they are two processes.
//
// Theory of operation
//   The device's process, which has the slow half, says hello for an interface; the daemon, which has the
//   card, welcomes or refuses it. The device then shows the memory that both halves share (Begin), and from
//   there each call of DataPath is a message, answered when it is complete. A picture of the guest's memory
//   travels as files, each sent once and then meant by a number, and as the ranges that went and came since
//   the last picture, in as many messages as it takes. The only word that the daemon says unasked is Link.
//   Descriptors go with the message, in the order named here.
//
//   from the device           descriptors                         answer
//     Hello                   —                                   Welcome | Refusal
//     Begin                   doorbells, queue states,            Done | Refusal
//                               and BAR 2 with low_latency
//     MemoryChange            one for each of new_files           Done | Refusal
//     InterruptChange         the event, with has_event           Done | Refusal
//     StatisticsQuestion      —                                   StatisticsAnswer
//     all others              —                                   Done | Refusal
//
// Invariants
//   (1) decode() takes anything, and answers a message only if every byte has a meaning: a bool is 0 or 1, an
//   enumeration one of its values, a list as long as it says, and nothing is left over.
//   (2) A message is at most kMessageBytesMax. What a number means is not judged here (data_path_server.h).
//
// Chosen: all of it. Little-endian, as pci/little_endian.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "devices/ena/data_path.h"

namespace enid::devices::ena {

// Raised with every change of what follows: a daemon and a device of different versions part at once.
constexpr std::uint32_t kDataPathVersion = 2;
constexpr std::size_t kMessageBytesMax = 60 * 1024;
constexpr std::size_t kMessageTextMax = 512;
constexpr std::size_t kRangesInMessage = 1024;
constexpr std::size_t kFilesInMessage = 8;

struct Hello {
  std::uint32_t version = kDataPathVersion;
  std::string interface;  // eni-…
  std::string instance;   // i-…, whose virtual machine it is part of; empty: a user's own.
};

struct Welcome {
  MacAddress mac{};
  std::uint16_t mtu = 0;
  bool is_link_up = false;
  std::string description;  // The interface's addresses, for people.
};

struct Refusal {
  bool is_for_now = false;  // Trying again later may help.
  std::string reason;       // For people.
};

struct Begin {
  std::uint16_t queue_pairs = 0;
  std::uint16_t mtu = 0;
  bool low_latency = false;
};

struct CompletionQueueEnd {
  std::uint16_t index = 0;
};

struct SubmissionQueueEnd {
  Direction direction = Direction::kTransmit;
  std::uint16_t index = 0;
};

struct MtuChange {
  std::uint32_t mtu = 0;
};

struct Link {
  bool is_up = false;
};

struct MemoryChange {
  struct Gone {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
  };
  struct Range {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    bool readable = false;
    bool writable = false;
    std::uint32_t file = 0;
    std::uint64_t file_offset = 0;
  };
  // In this order.
  std::vector<Gone> gone;
  std::vector<std::uint32_t> gone_files;
  std::vector<std::uint32_t> new_files;
  std::vector<Range> come;
  bool is_last = false;  // The picture is whole, and to be used.
};

struct InterruptChange {
  std::uint16_t vector = 0;
  bool has_event = false;
};

struct Reset {};
struct StatisticsQuestion {};
struct Done {};

struct StatisticsAnswer {
  DataPathStatistics statistics;  // Without broken_because, which is:
  std::string broken_because;
};

using DataPathMessage =
    std::variant<Hello, Welcome, Refusal, Begin, CompletionQueueSetup, SubmissionQueueSetup,
                 CompletionQueueEnd, SubmissionQueueEnd, ReceiveSteering, MtuChange, Link, MemoryChange,
                 InterruptChange, Reset, StatisticsQuestion, Done, StatisticsAnswer>;

// Texts that are too long are cut; lists must be within the limits above.
std::vector<std::uint8_t> encode(const DataPathMessage& message);
// Empty: not a message.
std::optional<DataPathMessage> decode(ConstBytes bytes);
// How many descriptors come with it.
std::size_t descriptors_of(const DataPathMessage& message);

}  // namespace enid::devices::ena
