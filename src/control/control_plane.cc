#include "control/control_plane.h"

#include <utility>

#include "base/check.h"
#include "control/bootstrap.h"
#include "control/instance_lifecycle.h"

namespace enid::control {
namespace {

// Chosen: the records of terminated instances are looked through once a minute.
constexpr Duration kTidyPeriod = Duration::from_seconds(60);

}  // namespace

ControlPlane::ControlPlane(Parts parts, ControlPlaneOptions options)
    : parts_(parts),
      options_(std::move(options)),
      random_(options_.seed),
      feeds_(options_.account, shared_->hosts, parts_.card == nullptr ? HostId() : options_.local_host.id,
             options_.pair_key) {
  CHECK((parts_.card == nullptr) == (parts_.runtime == nullptr));
}

void ControlPlane::submit(std::string region, Work work, Done done) {
  parts_.executor.post([this, region = std::move(region), work = std::move(work),
                        done = std::move(done)]() mutable { run(region, work, answer_to(std::move(done))); });
}

void ControlPlane::inspect(std::function<void(const Regions&, store::Revision)> look) {
  parts_.executor.post([this, look = std::move(look)] { look(regions_, durable_); });
}

RegionModel& ControlPlane::region(const std::string& name) {
  auto& model = regions_[name];
  if (model == nullptr) {
    model = std::make_unique<RegionModel>(name, shared_);
    run_for_nobody(name, make_default_network);
  }
  return *model;
}

void ControlPlane::run(const std::string& name, const Work& work, const AnswerPointer& answer) {
  RegionModel& model = region(name);
  Transaction transaction = transaction_on(model);
  if (!work(transaction)) transaction.rollback();
  publish(name, transaction, answer);
}

void ControlPlane::run_for_nobody(const std::string& name, const std::function<void(Transaction&)>& work) {
  Transaction transaction = transaction_on(*regions_.at(name));
  work(transaction);
  publish(name, transaction, answer_to([](Result<void>) {}));
}

Transaction ControlPlane::transaction_on(RegionModel& model) {
  return Transaction(model, options_.account, parts_.executor.wall_time(), random_);
}

// Takes the one wait that every answer is born with.
void ControlPlane::publish(const std::string& name, Transaction& transaction, const AnswerPointer& answer) {
  if (!transaction.changed()) {
    wait_for_durable(answer);
    return;
  }
  std::vector<StoreWrite> writes = transaction.store_writes();
  if (!writes.empty()) {
    store_changes(std::move(writes), answer);
    send_deltas(feeds_.update(*regions_.at(name), transaction.touched()), answer);
  }
  std::vector<RuntimeAction> actions = transaction.take_actions();
  transaction.commit();
  for (RuntimeAction& action : actions) {
    std::vector<std::shared_ptr<ActionWait>> waits;
    if (action.awaited) {
      ++answer->waits;
      waits.push_back(std::make_shared<ActionWait>(answer));
    }
    enqueue({name, std::move(action), std::move(waits)});
  }
  finish_one(answer);
}

void ControlPlane::store_changes(std::vector<StoreWrite> writes, const AnswerPointer& answer) {
  store::Transaction commit;
  for (StoreWrite& write : writes) commit.writes.push_back({std::move(write.key), std::move(write.value)});
  const store::Revision revision = ++submitted_;
  ++answer->waits;
  waiting_for_durable_.emplace_back(revision, answer);
  parts_.store.commit(std::move(commit), [this, revision](Result<store::CommitResult> result) {
    parts_.executor.post([this, revision, result = std::move(result)] { on_durable(revision, result); });
  });
}

void ControlPlane::on_durable(store::Revision revision, const Result<store::CommitResult>& result) {
  if (result) {
    CHECK(result->committed);  // We compare nothing.
    durable_ = revision;
  } else {
    store_error_ = result.error();
  }
  while (!waiting_for_durable_.empty() && waiting_for_durable_.front().first <= revision) {
    const auto answer = std::move(waiting_for_durable_.front().second);
    waiting_for_durable_.pop_front();
    finish_one(answer, store_error_);
  }
}

void ControlPlane::wait_for_durable(const AnswerPointer& answer) {
  if (store_error_ || durable_ >= submitted_) {
    finish_one(answer, store_error_);
  } else {
    waiting_for_durable_.emplace_back(submitted_, answer);
  }
}

ControlPlane::AnswerPointer ControlPlane::answer_to(Done done) {
  auto answer = std::make_shared<Answer>();
  answer->done = std::move(done);
  return answer;
}

void ControlPlane::finish_one(const AnswerPointer& answer, std::optional<Error> error) {
  if (error && !answer->error) answer->error = std::move(error);
  CHECK(answer->waits > 0);
  if (--answer->waits > 0) return;
  if (answer->error) {
    answer->done(std::unexpected(*answer->error));
  } else {
    answer->done({});
  }
}

void ControlPlane::finish_wait(ActionWait& wait, std::optional<Error> error) {
  if (const AnswerPointer answer = std::exchange(wait.answer, nullptr)) finish_one(answer, std::move(error));
}

void ControlPlane::tidy_later() {
  parts_.executor.post_after(kTidyPeriod, [this] {
    for (const auto& [name, model] : regions_)
      run_for_nobody(name, [](Transaction& transaction) {
        forget_terminated_instances(transaction);
        forget_client_tokens(transaction);
      });
    tidy_later();
  });
}

}  // namespace enid::control
