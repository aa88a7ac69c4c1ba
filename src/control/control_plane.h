// ControlPlane: calls in, changes to the store, the card and the instances out.
//
// Theory of operation
//   submit() brings a call's work to the control thread, where it runs as one Transaction.
//   Kept changes go three ways at once: to the store, to the cards as CardDeltas, and to the
//   instance runtimes as actions, one after the other for each instance. `done` is called when
//   the change is durable, the cards that can be reached decide by it, and the awaited actions
//   have ended. A call that changed nothing waits until all it may have seen is durable, so that
//   no answer ever tells of something that a crash could take back.
//   What an action brought about comes back as a transaction of its own
//   (control/instance_lifecycle.h).
//   Hosts (control/hosts.h). This machine is one, or none; others join and are lost. An action
//   goes to the host where the instance's files are; while that host is lost it waits, and the
//   call that awaits it is answered with an error after kUnreachableWait. What waited and what
//   was under way at a host that joins again is forgotten: what to do follows from the records
//   and from what runs there (resume_instance()).
//
// Invariants
//   (1) The model, the queues and every callback below belong to the control thread.
//   (2) Revisions here count our own commits, from the store's revision at the start. They run
//       behind the store's own when others (access keys) write to it, too.
//   (3) When the store fails, no later call is answered with success.
//   (4) A card's deltas are numbered without gaps, each card's on its own.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "control/card_feeds.h"
#include "control/card_link.h"
#include "control/executor.h"
#include "control/host_settings.h"
#include "control/hosts.h"
#include "control/instance_runtime.h"
#include "control/transaction.h"
#include "store/key_value_store.h"

namespace enid::control {

struct ControlPlaneOptions {
  std::string account = "000000000000";
  std::uint64_t seed = 1;
  HostDescription local_host = {};        // Of this machine; its network cards are told by the next:
  NetworkCardRequest network_cards = {};  // what it shall have, on top of what the store says it had.
  // The key of two hosts' cards. Empty: they have none.
  CardFeeds::PairKeyOf pair_key = {};
};

// Chosen: as long as a client waits gladly; shorter than the time-outs of EC2's SDKs (60 s).
constexpr Duration kUnreachableWait = Duration::from_seconds(10);

class ControlPlane {
 public:
  struct Parts {
    store::KeyValueStore& store;
    CardLink* card = nullptr;            // Of this machine. Null: no instances run here.
    InstanceRuntime* runtime = nullptr;  // As `card`.
    Executor& executor;
  };
  // Runs on the control thread. True: keep the changes. False: take them back.
  using Work = std::function<bool(Transaction&)>;
  using Done = std::function<void(Result<void>)>;
  using Regions = std::map<std::string, std::unique_ptr<RegionModel>>;

  ControlPlane(Parts parts, ControlPlaneOptions options);

  // Loads the store, gives this machine's host the network cards it shall have, programs its card, and makes
  // its instances what the records say they are; those of other hosts stay as recorded until their host
  // joins. Refused, too: a virtual function that is in use would be gone.
  // Call once, on the control thread, before the first submit().
  Result<void> recover();

  // Any thread. `region` must be a Region that exists; its default VPC is made at first use.
  void submit(std::string region, Work work, Done done);
  // Any thread. A look at everything, on the control thread.
  void inspect(std::function<void(const Regions&, store::Revision durable)> look);

  // Any thread. Another machine is there, or is there again: with the links it had, it goes on where it was;
  // with others, its card gets a snapshot first. `done` is called when instances may be placed there and its
  // card has the program. Refused: an odd name, an underlay address that another host has, fewer virtual
  // functions than are in use.
  void join_host(HostDescription description, CardLink& card, InstanceRuntime& runtime, Done done);
  // Any thread. It cannot be reached: no new instances go there, and its own stay as they are.
  void host_lost(HostId host);
  // Any thread. It will not come back: what it ran is stopped or terminated, as after a loss of power, and
  // its name is forgotten. Refused: it is connected.
  void forget_host(HostId host, Done done);
  // Any thread. The program of its card, for a link that has not kept all deltas since. `done` is called on
  // the control thread; deltas that are handed to the link after that follow on the snapshot's revision.
  void snapshot_for(HostId host, std::function<void(Result<contract::CardSnapshot>)> done);
  // On the control thread, after recover().
  const Hosts& hosts() const { return shared_->hosts; }

 private:
  // An answer that waits; it leaves when nothing is left to wait for.
  struct Answer {
    int waits = 1;
    std::optional<Error> error;
    Done done;
  };
  using AnswerPointer = std::shared_ptr<Answer>;
  // Takes an answer's wait for an action once: when the action ends, or when that takes too long.
  struct ActionWait {
    AnswerPointer answer;  // Null: nobody waits any more.
  };
  struct QueuedAction {
    std::string region;
    RuntimeAction action;
    std::vector<std::shared_ptr<ActionWait>> waits;
  };
  // The first of the actions runs when `running`; else it waits for its host.
  struct ActionQueue {
    std::deque<QueuedAction> actions;
    bool running = false;
    std::uint64_t turn = 0;  // No two are alike: an outcome of an earlier turn is late, and nobody's.
  };
  struct CardStream {
    std::uint64_t revision = 0;                      // Of the last delta or snapshot.
    std::map<std::uint64_t, AnswerPointer> waiting;  // For the card to apply the revision.
  };

  // control_plane.cc
  RegionModel& region(const std::string& name);
  void run(const std::string& region, const Work& work, const AnswerPointer& answer);
  void run_for_nobody(const std::string& region, const std::function<void(Transaction&)>& work);
  Transaction transaction_on(RegionModel& model);
  void publish(const std::string& region, Transaction& transaction, const AnswerPointer& answer);
  void store_changes(std::vector<StoreWrite> writes, const AnswerPointer& answer);
  void on_durable(store::Revision revision, const Result<store::CommitResult>& result);
  void wait_for_durable(const AnswerPointer& answer);
  static AnswerPointer answer_to(Done done);
  static void finish_one(const AnswerPointer& answer, std::optional<Error> error = {});
  static void finish_wait(ActionWait& wait, std::optional<Error> error = {});
  void tidy_later();

  // control_plane_recovery.cc
  Result<void> load_hosts();
  Result<void> load_regions();
  Result<void> equip_local_host();
  void complete_old_records();

  // control_plane_cards.cc
  void send_deltas(CardFeeds::Deltas deltas, const AnswerPointer& answer);
  void send_delta(Host& host, contract::CardDelta delta, const AnswerPointer& answer);
  void send_snapshot(Host& host, const AnswerPointer& answer);
  void wait_for_card(const HostId& host, std::uint64_t revision, const AnswerPointer& answer);
  std::function<void()> applied(const HostId& host, std::uint64_t revision);
  void on_applied(const HostId& host, std::uint64_t revision);

  // control_plane_hosts.cc
  Result<void> admit(const HostDescription& description) const;
  void bring_in(const HostDescription& description, CardLink& card, InstanceRuntime& runtime,
                const AnswerPointer& answer);
  void lose(const HostId& host);
  void forget(const HostId& host, const AnswerPointer& answer);
  void reconcile(const HostId& host);

  // control_plane_actions.cc
  void enqueue(QueuedAction action);
  void begin_next(const InstanceId& instance);
  void begin(const QueuedAction& queued, InstanceRuntime& runtime, const InstanceRuntime::Done& done);
  const HostId& host_of(const QueuedAction& queued) const;
  void on_action_done(const InstanceId& instance, std::uint64_t turn, Result<void> result);
  void end_waits_later(const QueuedAction& queued);
  std::vector<QueuedAction> drop_actions(const HostId& host);
  void on_powered_off(const HostId& host, const InstanceId& instance);

  Parts parts_;
  ControlPlaneOptions options_;
  Random random_;
  std::shared_ptr<SharedByRegions> shared_ = std::make_shared<SharedByRegions>();
  CardFeeds feeds_;
  Regions regions_;
  store::Revision submitted_ = 0;
  store::Revision durable_ = 0;
  std::optional<Error> store_error_;
  std::deque<std::pair<store::Revision, AnswerPointer>> waiting_for_durable_;
  std::map<HostId, CardStream> streams_;
  std::map<InstanceId, ActionQueue> actions_;
  std::uint64_t turns_ = 0;  // Begun.
};

}  // namespace enid::control
