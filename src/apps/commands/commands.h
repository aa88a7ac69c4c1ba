// What each `enid` command takes, and the function that runs it.
//
//   command_line.cc alone knows the parser; it fills these and calls the function. Each command
//   has its own file. A function answers the process's exit status, and has said on stderr why
//   when it is not 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/card_rules.h"
#include "apps/state_folder.h"
#include "base/result.h"

namespace enid::apps {

inline constexpr const char* kDefaultListen = "127.0.0.1:4566";

struct UpOptions {
  std::string state = kDefaultState;
  std::string listen = kDefaultListen;
  bool detach = false;
  bool auth_none = false;      // Any access key is believed; loopback only.
  bool strict_images = false;  // An AMI id that enid does not know is refused.
  std::uint64_t seed = 0;      // 0: from the system's randomness.
  // Of this host (SR-IOV). Empty: as the state has it.
  std::optional<std::int32_t> network_cards = {};
  std::optional<std::int32_t> virtual_functions_per_card = {};
  CardRules rules = {};
  bool no_card = false;          // Instances run on other hosts only.
  std::string underlay_address;  // Of this machine, for the cards of other hosts; empty: it has no part.
  std::string cards_listen;      // HOST:PORT for cards of other machines; empty: none.
};
int run_up(const UpOptions& options);
// Whether this machine can have network namespaces and TAP devices; if not, why.
Result<void> check_machine();

struct CardCommandOptions {
  std::string state = kDefaultCardState;
  std::string host_id;
  std::string api = std::string("unix:") + kDefaultState + "/cards.sock";
  std::string credentials;                      // A file, for an api that is HOST:PORT.
  std::string address;                          // In the underlay.
  std::vector<std::string> availability_zones;  // Empty: any.
  std::int32_t network_cards = 1;
  std::int32_t virtual_functions_per_card = 256;
  CardRules rules;
  bool detach = false;
};
int run_card(const CardCommandOptions& options);

struct HostCommandOptions {
  std::string state = kDefaultState;
  std::string action;  // add, list, remove
  std::string host_id;
  std::vector<std::string> availability_zones;
  bool json = false;
};
int run_host(const HostCommandOptions& options);

struct DownOptions {
  std::string state = kDefaultState;
};
int run_down(const DownOptions& options);

struct GuestOptions {
  std::string state = kDefaultState;
  bool refresh = false;
};
int run_guest_fetch(const GuestOptions& options);

struct DeviceOptions {
  std::string state = kDefaultState;
  std::string interface;          // eni-…
  std::string socket;             // Where QEMU will connect.
  std::uint16_t queue_pairs = 0;  // 0: as many as processors.
  bool low_latency = false;
  std::string instance;  // The daemon's own: whose machine the device is part of. Then it serves one QEMU.
};
int run_device(const DeviceOptions& options);

struct StatusOptions {
  std::string state = kDefaultState;
  bool json = false;
};
int run_status(const StatusOptions& options);

struct EnvOptions {
  std::string state = kDefaultState;
  std::string region;
};
int run_env(const EnvOptions& options);

struct AwsOptions {
  std::string state = kDefaultState;
  std::vector<std::string> arguments;
};
int run_aws(const AwsOptions& options);

struct KeyOptions {
  std::string state = kDefaultState;
  std::string action;             // create, import, list, delete
  std::string access_key_id;      // import, delete
  std::string secret_access_key;  // import; empty: asked for on stdin
  bool json = false;
};
int run_key(const KeyOptions& options);

struct ExecOptions {
  std::string state = kDefaultState;
  std::string instance;
  bool no_terminal = false;
  std::vector<std::string> command;  // Empty: a shell.
};
int run_exec(const ExecOptions& options);

struct TraceOptions {
  std::string state = kDefaultState;
  std::string from;  // An instance or a network interface.
  std::string to;    // An IPv4 address, an instance or a network interface.
  std::string source;
  std::string protocol = "tcp";
  std::uint16_t port = 0;
  std::uint16_t source_port = 0;
  std::uint16_t bytes = 0;
  bool json = false;
};
int run_trace(const TraceOptions& options);

struct CaptureOptions {
  std::string state = kDefaultState;
  std::vector<std::string> interfaces;  // Empty: all.
  std::string file = "-";
  std::uint64_t packets = 0;  // 0: until interrupted.
};
int run_capture(const CaptureOptions& options);

struct SimOptions {
  std::string scenario;
  std::uint64_t seed = 1;
  bool json = false;
  std::string trace;  // A file for samples as CSV; none when empty.
  std::uint32_t trace_every_us = 5;
};
int run_sim(const SimOptions& options);

// Quantities as they were typed; empty: not said.
struct LabLinkOptions {
  std::string links;
  std::string rate;
  std::string delay;
  std::string loss;
  bool down = false;
};

struct LabCommandOptions {
  std::string action;  // up, down, status, fail, heal, forward
  std::string state = kDefaultState;
  std::string listen = kDefaultListen;
  std::string name;
  std::uint16_t hosts = 4;
  std::uint16_t spines = 4;
  std::string rate;   // Of every link.
  std::string delay;  // Of every link.
  std::string buffer = "256k";
  std::uint32_t mtu = 9216;
  std::uint64_t seed = 1;
  bool network_only = false;
  LabLinkOptions fail;
  std::uint16_t spine = 0;  // forward
  bool json = false;
};
int run_lab(const LabCommandOptions& options);

}  // namespace enid::apps
