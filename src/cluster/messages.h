// What a card and the control plane say to each other, as values (card_link.proto is the same on the wire).
//
// Theory of operation
//   A card opens a stream and says Hello. The control plane answers Welcome; the program follows, whole
//   (SnapshotPart) or what the card lacks of it (Delta), and then commands. A position is a revision of the
//   program in one epoch, which is one life of the control plane's process; deltas have no gaps. A command
//   has an id in its epoch; the card remembers outcomes by id, so a command that is sent again is not done
//   again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/result.h"
#include "contract/card_program.h"
#include "contract/card_report.h"
#include "control/card_link.h"
#include "control/host_network_cards.h"
#include "control/instance_runtime.h"

namespace enid::cluster {

// Raised when a card and a control plane of different numbers could not understand each other.
inline constexpr std::uint32_t kProtocol = 1;

struct Position {
  std::uint64_t epoch = 0;  // 0: nothing was ever received.
  std::uint64_t revision = 0;

  bool operator==(const Position&) const = default;
};

struct InstancePresence {
  InstanceId id = {};
  control::RunState state = control::RunState::kAbsent;

  bool operator==(const InstancePresence&) const = default;
};

// ---- Card to control plane

struct PoweredOff {
  std::uint64_t event = 0;  // Counts within the life of the card's process.
  InstanceId instance = {};

  bool operator==(const PoweredOff&) const = default;
};

struct Hello {
  std::uint32_t protocol = kProtocol;
  HostId host = {};
  std::uint64_t incarnation = 0;                     // Of the card's process.
  std::vector<std::string> availability_zones = {};  // Empty: any.
  Ipv4Address underlay_address = {};
  std::uint32_t underlay_mtu = 0;
  control::NetworkCardSettings network_cards = {};
  std::string state_folder = {};     // Where commands on the same machine find the card's socket,
  std::string machine_boot_id = {};  // which this tells (/proc/sys/kernel/random/boot_id).
  std::string version = {};
  Position position = {};
  std::vector<InstancePresence> instances = {};  // All that are on the host's disk.
  std::vector<PoweredOff> powered_off = {};      // Those that nobody has said to have heard.

  bool operator==(const Hello&) const = default;
};

struct Applied {
  Position position = {};

  bool operator==(const Applied&) const = default;
};

struct Outcome {
  std::uint64_t command = 0;
  Result<void> result = {};
  // The instances that the command was about, as they are after it.
  std::vector<InstancePresence> instances = {};
  std::vector<InstanceId> absent = {};  // Nothing of them is left on disk.
};

struct ConsoleChanged {
  InstanceId instance = {};
  control::ConsoleOutput output = {};
};

struct ReportAnswer {
  std::uint64_t request = 0;
  contract::CardReport report = {};
};

struct TraceAnswer {
  std::uint64_t request = 0;
  Result<contract::TraceReport> report = {};
};

using CardMessage =
    std::variant<Hello, Applied, Outcome, PoweredOff, ConsoleChanged, ReportAnswer, TraceAnswer>;

// ---- Control plane to card

struct Welcome {
  std::uint64_t epoch = 0;
  std::string version = {};
};

struct SnapshotPart {
  Position position = {};
  std::vector<contract::Entity> entities = {};
  bool last = true;
};

struct Delta {
  std::uint64_t epoch = 0;
  contract::CardDelta delta = {};
};

struct Heard {
  std::uint64_t event = 0;
};

struct ReportRequest {
  std::uint64_t request = 0;
};

struct TraceQuestion {
  std::uint64_t request = 0;
  control::TraceRequest trace = {};
};

struct Stop {
  InstanceId id = {};
  bool force = false;
};
struct Reboot {
  InstanceId id = {};
};
struct Remove {
  InstanceId id = {};
};
struct Attach {
  InstanceId id = {};
  control::InterfaceAttachment attachment = {};
};
struct Detach {
  InstanceId id = {};
  NetworkInterfaceId interface = {};
};
struct Adopt {
  InstanceId id = {};
  std::vector<control::InterfaceAttachment> attachments = {};
};
struct StopAll {};

using Order = std::variant<control::InstanceLaunch, Stop, Reboot, Remove, Attach, Detach, Adopt, StopAll>;

struct Command {
  std::uint64_t id = 0;
  std::uint64_t epoch = 0;
  Order order = {};
};

using ControlMessage =
    std::variant<Welcome, SnapshotPart, Delta, Command, ReportRequest, TraceQuestion, Heard>;

// ---- What a card keeps on disk, to forward before the control plane answers.

struct KeptProgram {
  Position position = {};
  std::vector<contract::Entity> entities = {};
  std::vector<Adopt> instances = {};  // What ran, and with which interfaces.
};

}  // namespace enid::cluster
