// RemoteHost: a host on the other side of a stream, as the control plane speaks to it: its card's CardLink
// and its instances' InstanceRuntime.
//
// Theory of operation
//   The server (card_server.h) hands it the stream of a card that has said Hello, and every message after
//   that. The program: a delta goes to the card and into a log. A card that comes back says which revision it
//   has and gets what it lacks from the log, or, when the log does not reach back, a snapshot, which is asked
//   of the control plane. While the card is away `applied` is called at once: nobody waits for a lost card.
//   Commands: each has an id and stays until its outcome comes; what was under way when a stream broke is
//   sent again on the next one, after the program, in the old order. The card knows the ids that it has done.
//   state(), present() and console_output() answer by what the card last said.
//
// Invariants
//   (1) Every `applied` and `done` is called once, on any thread, never under the lock; at the latest by the
//   destructor. (2) Nothing that a card sends can do more than lie about its own instances.
//   (3) Of two streams the later is the card's; what the earlier still says is not heard.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cluster/delta_log.h"
#include "cluster/messages.h"

namespace enid::cluster {

// Where messages to the card go. Calls only queue; they come under the RemoteHost's lock.
class CardStream {
 public:
  virtual ~CardStream() = default;
  virtual void send(ControlMessage message) = 0;
};

struct RemoteHostOptions {
  std::uint64_t epoch = 1;  // Of this control plane's process; never 0.
  std::string version;
  DeltaLog::Bounds log = {};
  std::size_t snapshot_part_bytes = std::size_t{1} << 20;
};

class RemoteHost final : public control::CardLink, public control::InstanceRuntime {
 public:
  using SnapshotDone = std::function<void(Result<contract::CardSnapshot>)>;
  // Asks the control plane for the program; see ControlPlane::snapshot_for().
  using SnapshotSource = std::function<void(SnapshotDone done)>;

  RemoteHost(HostId id, RemoteHostOptions options, SnapshotSource snapshots);
  ~RemoteHost() override;

  // The card's side. `hello` is checked; the stream has said nothing yet.
  void connect(std::shared_ptr<CardStream> stream, const Hello& hello);
  // Refused: the card breaks the protocol; its stream shall end.
  Result<void> receive(const CardStream& stream, CardMessage message);
  void disconnect(const CardStream& stream);

  bool connected() const;
  // The revision that the card has said to have applied.
  std::uint64_t applied_revision() const;

  // CardLink
  void apply(contract::CardDelta delta, std::function<void()> applied) override;
  void replace(contract::CardSnapshot snapshot, std::function<void()> applied) override;
  void report(std::function<void(contract::CardReport)> done) override;
  void trace(control::TraceRequest request, std::function<void(Result<contract::TraceReport>)> done) override;

  // InstanceRuntime
  void start(control::InstanceLaunch launch, Done done) override;
  void stop(const InstanceId& id, bool force, Done done) override;
  void reboot(const InstanceId& id, Done done) override;
  void remove(const InstanceId& id, Done done) override;
  void attach(const InstanceId& id, const control::InterfaceAttachment& attachment, Done done) override;
  void detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) override;
  void adopt(const InstanceId& id, std::vector<control::InterfaceAttachment> attachments, Done done) override;
  void stop_all(Done done) override;
  control::RunState state(const InstanceId& id) override;
  std::vector<InstanceId> present() override;
  Result<control::ConsoleOutput> console_output(const InstanceId& id) override;
  void set_powered_off_listener(PoweredOff listener) override;

 private:
  using Calls = std::vector<std::function<void()>>;  // To be made once the lock is free.
  struct Instance {
    control::RunState state = control::RunState::kAbsent;
    control::ConsoleOutput console;
  };
  struct Pending {
    Order order;
    Done done;
  };

  void command(Order order, Done done);
  void send(ControlMessage message);
  void send_snapshot(const contract::CardSnapshot& snapshot);
  void begin_commands();  // The card has, or is being told, the whole program.
  void on_snapshot(const CardStream* asked_for, Result<contract::CardSnapshot> snapshot);
  void take_waiters(std::uint64_t revision, Calls& calls);
  void lose_stream(Calls& calls);
  void on_applied(const Applied& applied, Calls& calls);
  void on_outcome(Outcome outcome, Calls& calls);
  void on_powered_off(const cluster::PoweredOff& event, Calls& calls);
  void on_console(ConsoleChanged console);

  const HostId id_;
  const RemoteHostOptions options_;
  const SnapshotSource snapshots_;

  mutable std::mutex mutex_;  // Guards what follows.
  std::shared_ptr<CardStream> stream_;
  bool programmed_ = false;   // On this stream the card has been told all up to the log's last revision.
  bool has_program_ = false;  // The control plane has ever given one.
  DeltaLog log_;
  std::uint64_t applied_ = 0;
  std::multimap<std::uint64_t, std::function<void()>> waiters_;  // By the revision they wait for.
  std::uint64_t next_number_ = 1;                                // Of commands and requests.
  std::map<std::uint64_t, Pending> commands_;
  std::map<std::uint64_t, std::function<void(contract::CardReport)>> reports_;
  std::map<std::uint64_t, std::function<void(Result<contract::TraceReport>)>> traces_;
  std::map<InstanceId, Instance> instances_;
  std::uint64_t incarnation_ = 0;  // Of the card's process,
  std::uint64_t heard_ = 0;        // whose events up to this one have been heard.
  PoweredOff powered_off_;
};

}  // namespace enid::cluster
