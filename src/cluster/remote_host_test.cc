// A control plane's end and a card's end, joined by queues instead of a network, which tests deliver and cut.
#include "cluster/remote_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "cluster/card_agent.h"
#include "control/testing/control_plane_parts.h"

namespace enid::cluster {
namespace {

using ::testing::ElementsAre;

// A card that notes what it was told.
class NotingCard final : public control::CardLink {
 public:
  void apply(contract::CardDelta delta, std::function<void()> applied) override {
    revisions.push_back(delta.revision);
    applied();
  }
  void replace(contract::CardSnapshot snapshot, std::function<void()> applied) override {
    snapshots.push_back(snapshot.revision);
    entities = snapshot.entities.size();
    applied();
  }
  void report(std::function<void(contract::CardReport)> done) override {
    contract::CardReport report;
    report.flows = 42;
    done(report);
  }
  void trace(control::TraceRequest, std::function<void(Result<contract::TraceReport>)> done) override {
    done(failure(std::make_error_code(std::errc::no_such_device), "not here"));
  }
  std::vector<std::uint64_t> revisions;
  std::vector<std::uint64_t> snapshots;
  std::size_t entities = 0;
};

// Instances that end their calls when the test says so.
class SlowRuntime final : public control::InstanceRuntime {
 public:
  void start(control::InstanceLaunch launch, Done done) override {
    calls.push_back("start " + launch.id.text());
    later.push_back([this, id = launch.id, done] {
      states[id] = control::RunState::kRunning;
      done({});
    });
  }
  void stop(const InstanceId& id, bool, Done done) override {
    calls.push_back("stop " + id.text());
    later.push_back([this, id, done] {
      states[id] = control::RunState::kAbsent;
      done({});
    });
  }
  void reboot(const InstanceId& id, Done done) override { note("reboot " + id.text(), std::move(done)); }
  void remove(const InstanceId& id, Done done) override {
    states.erase(id);
    note("remove " + id.text(), std::move(done));
  }
  void attach(const InstanceId& id, const control::InterfaceAttachment&, Done done) override {
    note("attach " + id.text(), std::move(done));
  }
  void detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) override {
    note("detach " + interface.text() + " of " + id.text(), std::move(done));
  }
  void adopt(const InstanceId& id, std::vector<control::InterfaceAttachment>, Done done) override {
    note("adopt " + id.text(), std::move(done));
  }
  void stop_all(Done done) override { note("stop all", std::move(done)); }
  control::RunState state(const InstanceId& id) override {
    const auto found = states.find(id);
    return found == states.end() ? control::RunState::kAbsent : found->second;
  }
  std::vector<InstanceId> present() override {
    std::vector<InstanceId> ids;
    for (const auto& [id, state] : states) ids.push_back(id);
    return ids;
  }
  Result<control::ConsoleOutput> console_output(const InstanceId&) override { return console; }
  void set_powered_off_listener(PoweredOff now) override { listener = std::move(now); }

  void finish_all() {
    while (!later.empty()) {
      const auto work = std::move(later.front());
      later.pop_front();
      work();
    }
  }
  void note(std::string call, Done done) {
    calls.push_back(std::move(call));
    done({});
  }

  std::vector<std::string> calls;
  std::deque<std::function<void()>> later;
  std::map<InstanceId, control::RunState> states;
  control::ConsoleOutput console;
  PoweredOff listener;
};

struct ToCard final : CardStream {
  void send(ControlMessage message) override { queue.push_back(std::move(message)); }
  std::deque<ControlMessage> queue;
};
struct ToControl final : ControlStream {
  void send(CardMessage message) override { queue.push_back(std::move(message)); }
  std::deque<CardMessage> queue;
};

const InstanceId kInstance = InstanceId::trusted("i-0123456789abcdef0");

control::InstanceLaunch launch() {
  control::InstanceLaunch launch;
  launch.id = kInstance;
  return launch;
}

contract::VpcProgram vpc() {
  contract::VpcProgram vpc;
  vpc.id = VpcId::trusted("vpc-01234567");
  return vpc;
}

class ClusterStory : public ::testing::Test {
 protected:
  void connect() {
    to_card = std::make_shared<ToCard>();
    to_control = std::make_shared<ToControl>();
    agent.connect(to_control);
    const Hello hello = std::get<Hello>(to_control->queue.front());
    to_control->queue.pop_front();
    host.connect(to_card, hello);
  }
  // Carries what waits, both ways, until nothing does.
  void deliver() {
    while (!to_card->queue.empty() || !to_control->queue.empty()) {
      if (!to_card->queue.empty()) {
        ControlMessage message = std::move(to_card->queue.front());
        to_card->queue.pop_front();
        const auto taken = agent.receive(*to_control, std::move(message));
        EXPECT_TRUE(taken) << taken.error().message;
      }
      if (!to_control->queue.empty()) {
        CardMessage message = std::move(to_control->queue.front());
        to_control->queue.pop_front();
        const auto taken = host.receive(*to_card, std::move(message));
        EXPECT_TRUE(taken) << taken.error().message;
      }
    }
  }
  // What was under way is lost.
  void cut() {
    agent.disconnect(*to_control);
    host.disconnect(*to_card);
  }
  void apply(std::uint64_t revision) {
    host.apply({.revision = revision, .upserts = {}, .removes = {}},
               [this, revision] { applied.push_back(revision); });
  }
  void join() {
    connect();
    host.replace({.revision = 10, .entities = {vpc()}}, [this] { applied.push_back(10); });
    deliver();
  }
  control::InstanceRuntime::Done noted(const std::string& what) {
    return [this, what](const Result<void>& result) { outcomes.push_back(what + (result ? "" : " failed")); };
  }

  NotingCard card;
  SlowRuntime runtime;
  CardAgent agent{Hello{.host = HostId::trusted("host-2"), .incarnation = 1}, card, runtime};
  std::vector<std::uint64_t> applied;
  std::vector<std::string> outcomes;
  int snapshots_asked = 0;
  RemoteHost host{HostId::trusted("host-2"),
                  {.epoch = 9, .version = "test", .log = {.deltas = 3}},
                  [this](RemoteHost::SnapshotDone done) {
                    ++snapshots_asked;
                    done(contract::CardSnapshot{.revision = last_revision, .entities = {}});
                  }};
  std::uint64_t last_revision = 0;
  std::shared_ptr<ToCard> to_card;
  std::shared_ptr<ToControl> to_control;
};

TEST_F(ClusterStory, ACardGetsTheProgramAndThenItsChanges) {
  join();
  apply(11);
  EXPECT_THAT(applied, ElementsAre(10));  // Not before the card says so.
  deliver();
  EXPECT_THAT(applied, ElementsAre(10, 11));
  EXPECT_THAT(card.snapshots, ElementsAre(10));
  EXPECT_THAT(card.revisions, ElementsAre(11));
  EXPECT_EQ(card.entities, 1U);
  EXPECT_EQ(host.applied_revision(), 11U);
}

TEST_F(ClusterStory, NobodyWaitsForALostCardAndItGoesOnWhereItWas) {
  join();
  apply(11);
  cut();
  EXPECT_THAT(applied, ElementsAre(10, 11));
  apply(12);
  EXPECT_THAT(applied, ElementsAre(10, 11, 12));
  connect();
  apply(13);
  deliver();
  EXPECT_THAT(card.revisions, ElementsAre(11, 12, 13));
  EXPECT_THAT(card.snapshots, ElementsAre(10));
  EXPECT_EQ(snapshots_asked, 0);
}

TEST_F(ClusterStory, ACardThatIsTooFarBehindGetsASnapshot) {
  join();
  cut();
  for (std::uint64_t revision = 11; revision <= 15; ++revision) apply(revision);
  last_revision = 15;
  connect();
  deliver();
  EXPECT_EQ(snapshots_asked, 1);
  EXPECT_THAT(card.snapshots, ElementsAre(10, 15));
  apply(16);
  deliver();
  EXPECT_THAT(card.revisions, ElementsAre(16));
}

TEST_F(ClusterStory, ACommandIsDoneOnceThoughTheStreamBreaksBeforeItsOutcome) {
  join();
  host.start(launch(), noted("start"));
  deliver();
  EXPECT_THAT(runtime.calls, ElementsAre("start i-0123456789abcdef0"));
  cut();
  runtime.finish_all();  // The outcome has no stream to go by.
  EXPECT_TRUE(outcomes.empty());
  connect();
  deliver();
  EXPECT_THAT(outcomes, ElementsAre("start"));
  EXPECT_EQ(runtime.calls.size(), 1U);
  EXPECT_EQ(host.state(kInstance), control::RunState::kRunning);
  EXPECT_THAT(host.present(), ElementsAre(kInstance));
}

TEST_F(ClusterStory, WhatWasNotHeardIsSaidAgain) {
  join();
  host.start(launch(), noted("start"));
  cut();  // It never left.
  connect();
  deliver();
  runtime.finish_all();
  deliver();
  EXPECT_THAT(outcomes, ElementsAre("start"));
  EXPECT_EQ(runtime.calls.size(), 1U);
}

TEST_F(ClusterStory, CommandsOfOneInstanceWaitForEachOther) {
  join();
  host.start(launch(), noted("start"));
  host.stop(kInstance, false, noted("stop"));
  deliver();
  EXPECT_EQ(runtime.calls.size(), 1U);
  runtime.finish_all();
  deliver();
  runtime.finish_all();
  deliver();
  EXPECT_THAT(outcomes, ElementsAre("start", "stop"));
  EXPECT_EQ(host.state(kInstance), control::RunState::kAbsent);
}

TEST_F(ClusterStory, StartingWhatRunsAdoptsIt) {
  runtime.states[kInstance] = control::RunState::kRunning;
  join();
  host.start(launch(), noted("start"));
  deliver();
  EXPECT_THAT(runtime.calls, ElementsAre("adopt i-0123456789abcdef0"));
  EXPECT_THAT(outcomes, ElementsAre("start"));
}

TEST_F(ClusterStory, AdoptingTakesAwayWhatIsTooMuch) {
  runtime.states[kInstance] = control::RunState::kRunning;
  const auto attachment = [](const char* id, std::uint16_t index) {
    return control::InterfaceAttachment{
        .interface = NetworkInterfaceId::trusted(id), .mac = {{2, 0, 0, 0, 0, 1}}, .device_index = index};
  };
  join();
  host.adopt(kInstance, {attachment("eni-01234567", 0), attachment("eni-76543210", 1)}, noted("adopt"));
  deliver();
  host.adopt(kInstance, {attachment("eni-01234567", 0)}, noted("adopt again"));
  deliver();
  EXPECT_THAT(runtime.calls,
              ElementsAre("adopt i-0123456789abcdef0", "detach eni-76543210 of i-0123456789abcdef0",
                          "adopt i-0123456789abcdef0"));
}

TEST_F(ClusterStory, AnInstanceThatEndsWhileTheStreamIsCutIsHeardOfOnce) {
  runtime.states[kInstance] = control::RunState::kRunning;
  int heard = 0;
  host.set_powered_off_listener([&](const InstanceId& id) { heard += id == kInstance ? 1 : 0; });
  join();
  cut();
  runtime.states[kInstance] = control::RunState::kAbsent;
  runtime.listener(kInstance);
  EXPECT_EQ(heard, 0);
  connect();
  EXPECT_EQ(heard, 1);
  cut();  // Before the card knows that it was heard.
  connect();
  deliver();
  EXPECT_EQ(heard, 1);
}

TEST_F(ClusterStory, ConsolesAreToldWhenTheyChange) {
  runtime.states[kInstance] = control::RunState::kRunning;
  runtime.console = {.text = "Debian\xff", .modified_milliseconds_since_epoch = 5};
  join();
  agent.look_at_consoles();
  agent.look_at_consoles();
  EXPECT_EQ(to_control->queue.size(), 1U);
  deliver();
  EXPECT_EQ(host.console_output(kInstance)->text, "Debian\xff");
  EXPECT_FALSE(host.console_output(InstanceId::trusted("i-01234567")));
}

TEST_F(ClusterStory, ReportsAndTracesAreAnsweredAlsoWhenTheCardIsAway) {
  std::vector<std::uint64_t> flows;
  std::vector<std::string> traces;
  const auto ask = [&] {
    host.report([&](const contract::CardReport& report) { flows.push_back(report.flows); });
    host.trace(
        {.from = NetworkInterfaceId::trusted("eni-01234567"), .source = {}, .target = {}},
        [&](const Result<contract::TraceReport>& report) { traces.push_back(report.error().message); });
  };
  ask();
  join();
  ask();
  deliver();
  ask();
  cut();
  EXPECT_THAT(flows, ElementsAre(0, 42, 0));
  EXPECT_EQ(traces[1], "not here");
  EXPECT_EQ(traces[2], traces[0]);
}

TEST_F(ClusterStory, WhatBreaksTheProtocolEndsTheStreamAndNothingElse) {
  join();
  EXPECT_FALSE(host.receive(*to_card, Hello{}));
  EXPECT_FALSE(host.receive(*to_card, Applied{{.epoch = 9, .revision = 99}}));
  EXPECT_FALSE(host.receive(*to_card, Applied{{.epoch = 1, .revision = 10}}));
  EXPECT_TRUE(host.receive(*to_card, Outcome{.command = 4711}));
  EXPECT_TRUE(
      host.receive(*to_card, ConsoleChanged{.instance = InstanceId::trusted("i-01234567"), .output = {}}));
  EXPECT_FALSE(agent.receive(*to_control, Welcome{.epoch = 9}));
  EXPECT_FALSE(
      agent.receive(*to_control, Delta{.epoch = 9, .delta = {.revision = 12, .upserts = {}, .removes = {}}}));
  EXPECT_FALSE(agent.receive(*to_control, Command{.id = 1, .epoch = 3, .order = StopAll{}}));
  EXPECT_TRUE(card.revisions.empty());
}

TEST_F(ClusterStory, ANewProcessForwardsByWhatTheOldOneKept) {
  runtime.states[kInstance] = control::RunState::kRunning;
  join();
  host.adopt(kInstance, {}, noted("adopt"));
  deliver();
  apply(11);
  deliver();
  const KeptProgram kept = agent.kept();
  NotingCard next_card;
  SlowRuntime next_runtime;
  next_runtime.states = runtime.states;
  CardAgent next(Hello{.host = HostId::trusted("host-2"), .incarnation = 2}, next_card, next_runtime);
  next.restore(kept, [] {});
  EXPECT_THAT(next_card.snapshots, ElementsAre(11));
  next.adopt_kept();
  EXPECT_THAT(next_runtime.calls, ElementsAre("adopt i-0123456789abcdef0"));
  auto stream = std::make_shared<ToControl>();
  next.connect(stream);
  EXPECT_EQ(std::get<Hello>(stream->queue.front()).position, (Position{.epoch = 9, .revision = 11}));
}

}  // namespace
}  // namespace enid::cluster
