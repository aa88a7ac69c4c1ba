// CardAgent: the card's end of the stream. It stands over the real card and the real instances of this host,
// and does what the control plane says.
//
// Theory of operation
//   A mirror of the program is kept beside the card, with its position: it is what the card says Hello with,
//   and what lies on disk (kept()) so that the next process forwards before any control plane answers.
//   Commands for one instance are done one after the other, those for different ones at once. Outcomes are
//   remembered by id, for as long as the control plane's process lives. A command is done so that doing it
//   again is harmless, because the process may end between deed and word: starting what runs adopts it,
//   attaching what is attached is done.
//
// Invariants
//   (1) A delta is applied only on the revision that it follows; anything else ends the stream, and the next
//   Hello says what is missing. (2) An order never fails a CHECK, whatever it says. (3) Everything that it
//   calls may call back on any thread, also at once. (4) It outlives what it has asked of card and runtime.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cluster/messages.h"
#include "cluster/program_mirror.h"

namespace enid::cluster {

// Where messages to the control plane go. Calls only queue; they come under the agent's lock.
class ControlStream {
 public:
  virtual ~ControlStream() = default;
  virtual void send(CardMessage message) = 0;
};

class CardAgent {
 public:
  // `facts`: what Hello says of this host and process; the rest of it is filled in here. All outlive the
  // agent.
  CardAgent(Hello facts, control::CardLink& card, control::InstanceRuntime& runtime);
  ~CardAgent();

  // What an earlier process kept. The card is programmed when `done` is called; its instances are adopted by
  // adopt_kept(), so that a control plane with something newer can come first.
  void restore(KeptProgram kept, std::function<void()> done);
  // Instances that run, and that nobody has taken over since restore().
  void adopt_kept();
  KeptProgram kept() const;
  std::uint64_t changes() const;  // Grows whenever kept() changes.

  // Card and runtime are about to end: what they still answer is heard, and nothing new begins.
  void end();

  // The stream is open: says Hello.
  void connect(std::shared_ptr<ControlStream> stream);
  // Refused: the control plane breaks the protocol, or a delta is missing; the stream shall end.
  Result<void> receive(const ControlStream& stream, ControlMessage message);
  void disconnect(const ControlStream& stream);
  // The control plane has said Welcome and the whole program is here.
  bool is_programmed() const;
  std::uint64_t revision() const;
  std::size_t instances() const;  // That this card carries.

  // Sends the console outputs that have changed; called once a second.
  void look_at_consoles();

 private:
  using Calls = std::vector<std::function<void()>>;  // To be made once the lock is free.
  struct Queued {
    Command command;
    bool has_id = true;  // False: our own, nobody awaits its outcome.
  };

  Result<void> on_welcome(const Welcome& welcome);
  Result<void> on_snapshot(SnapshotPart part, Calls& calls);
  Result<void> on_delta(Delta delta, Calls& calls);
  Result<void> on_command(Command command, Calls& calls);
  void on_heard(const Heard& heard);
  void enqueue(Queued queued, Calls& calls);
  void begin(const InstanceId& instance);
  void perform(const InstanceId& instance, const Order& order);
  void detach_then_adopt(const InstanceId& instance, std::vector<NetworkInterfaceId> surplus,
                         std::vector<control::InterfaceAttachment> wanted);
  void finish(const InstanceId& instance, Result<void> result);
  void record(const Order& order);
  void on_powered_off(const InstanceId& instance);
  void send_applied(Position position);
  void send(CardMessage message);

  const Hello facts_;
  control::CardLink& card_;
  control::InstanceRuntime& runtime_;

  mutable std::mutex mutex_;  // Guards what follows.
  std::shared_ptr<ControlStream> stream_;
  bool welcomed_ = false;
  ProgramMirror program_;
  std::vector<contract::Entity> arriving_;  // Of a snapshot whose last part has not come.
  std::uint64_t epoch_ = 0;                 // Of the control plane that spoke last.
  bool programmed_ = false;
  bool ending_ = false;
  std::map<std::uint64_t, std::optional<Outcome>> outcomes_;  // Of this epoch; empty: under way.
  std::map<InstanceId, std::deque<Queued>> queues_;           // The first of each is under way.
  std::map<InstanceId, std::vector<control::InterfaceAttachment>> carried_;  // What runs on this card.
  std::vector<Adopt> kept_instances_;                                        // Not adopted yet.
  std::vector<PoweredOff> events_;                                           // Not heard yet.
  std::uint64_t next_event_ = 1;
  std::uint64_t changes_ = 0;
  std::map<InstanceId, std::int64_t> consoles_;  // When what was sent last had been written.
};

}  // namespace enid::cluster
