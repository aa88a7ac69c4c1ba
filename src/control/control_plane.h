// ControlPlane: calls in, changes to the store, the card and the instances out.
//
// Theory of operation
//   submit() brings a call's work to the control thread, where it runs as one Transaction.
//   Kept changes go three ways at once: to the store, to the card as a CardDelta, and to the
//   instance runtime as actions, one after the other for each instance. `done` is called when
//   the change is durable, the card decides by it, and the awaited actions have ended. A call
//   that changed nothing waits until all it may have seen is durable, so that no answer ever
//   tells of something that a crash could take back.
//   What an action brought about comes back as a transaction of its own
//   (control/instance_lifecycle.h).
//
// Invariants
//   (1) The model, the queues and every callback below belong to the control thread.
//   (2) Revisions here count our own commits, from the store's revision at the start. They run
//       behind the store's own when others (access keys) write to it, too.
//   (3) When the store fails, no later call is answered with success.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "control/card_link.h"
#include "control/executor.h"
#include "control/host_network_cards.h"
#include "control/host_settings.h"
#include "control/instance_runtime.h"
#include "control/transaction.h"
#include "store/key_value_store.h"

namespace enid::control {

struct ControlPlaneOptions {
  std::string account = "000000000000";
  std::uint64_t seed = 1;
  NetworkCardRequest network_cards = {};
};

class ControlPlane {
 public:
  struct Parts {
    store::KeyValueStore& store;
    CardLink& card;
    InstanceRuntime& runtime;
    Executor& executor;
  };
  // Runs on the control thread. True: keep the changes. False: take them back.
  using Work = std::function<bool(Transaction&)>;
  using Done = std::function<void(Result<void>)>;
  using Regions = std::map<std::string, std::unique_ptr<RegionModel>>;

  ControlPlane(Parts parts, ControlPlaneOptions options);

  // Loads the store, gives the host the network cards it shall have, programs the card, and makes the
  // instances what the records say they are. Refused, too: a virtual function that is in use would be gone.
  // Call once, on the control thread, before the first submit().
  Result<void> recover();

  // Any thread. `region` must be a Region that exists; its default VPC is made at first use.
  void submit(std::string region, Work work, Done done);
  // Any thread. A look at everything, on the control thread.
  void inspect(std::function<void(const Regions&, store::Revision durable)> look);
  // On the control thread, after recover().
  const HostNetworkCards& host_cards() const { return *host_cards_; }

 private:
  // An answer that waits; it leaves when nothing is left to wait for.
  struct Answer {
    int waits = 1;
    std::optional<Error> error;
    Done done;
  };
  struct QueuedAction {
    std::string region;
    RuntimeAction action;
    std::shared_ptr<Answer> answer;  // Null: nobody waits.
  };

  Result<void> load_regions();
  Result<NetworkCardSettings> load_host_settings();
  Result<void> equip_host(const NetworkCardSettings& kept);
  RegionModel& region(const std::string& name);
  void run(const std::string& region, const Work& work, const std::shared_ptr<Answer>& answer);
  void publish(const std::string& region, Transaction& transaction, const std::shared_ptr<Answer>& answer);
  void store_changes(const Transaction& transaction, const std::shared_ptr<Answer>& answer);
  void program_card(const RegionModel& region, const TouchedIds& touched,
                    const std::shared_ptr<Answer>& answer);
  void on_durable(store::Revision revision, const Result<store::CommitResult>& result);
  void wait_for_durable(const std::shared_ptr<Answer>& answer);
  static void finish_one(const std::shared_ptr<Answer>& answer, std::optional<Error> error = {});

  void enqueue(QueuedAction action);
  void begin_next(const InstanceId& instance);
  void begin(const QueuedAction& queued);
  void on_action_done(const InstanceId& instance, Result<void> result);
  void on_powered_off(const InstanceId& instance);
  void reconcile_instances(RegionModel& region);
  void tidy_later();

  Parts parts_;
  ControlPlaneOptions options_;
  Random random_;
  std::shared_ptr<HostNetworkCards> host_cards_;
  Regions regions_;
  store::Revision submitted_ = 0;
  store::Revision durable_ = 0;
  std::optional<Error> store_error_;
  std::deque<std::pair<store::Revision, std::shared_ptr<Answer>>> waiting_for_durable_;
  std::map<InstanceId, std::deque<QueuedAction>> actions_;  // The first of each runs.
};

}  // namespace enid::control
