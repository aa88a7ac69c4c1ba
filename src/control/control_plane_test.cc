// Stories of the control plane with a store in memory, a card and a runtime that answer when the
// test says so, and a control thread that runs when the test says so.
#include "control/control_plane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/operations/instances.h"
#include "control/operations/network_interfaces.h"
#include "control/operations/vpcs.h"
#include "store/memory/memory_store.h"
#include "vpc/ec2_error.h"

namespace enid::control {
namespace {

using ::testing::SizeIs;

class HandExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { queue_.push_back(std::move(work)); }
  void post_after(Duration, std::function<void()>) override {}
  WallTime wall_time() override { return {1'700'000'000'000}; }
  void run() {
    while (!queue_.empty()) {
      auto work = std::move(queue_.front());
      queue_.pop_front();
      work();
    }
  }

 private:
  std::deque<std::function<void()>> queue_;
};

class RecordingCard final : public CardLink {
 public:
  void apply(contract::CardDelta delta, std::function<void()> applied) override {
    deltas.push_back(std::move(delta));
    if (hold) {
      held.push_back(std::move(applied));
    } else {
      applied();
    }
  }
  void replace(contract::CardSnapshot, std::function<void()> applied) override { applied(); }
  void report(std::function<void(contract::CardReport)> done) override { done({}); }
  void trace(TraceRequest, std::function<void(Result<contract::TraceReport>)> done) override {
    done(contract::TraceReport{});
  }
  bool hold = false;
  std::vector<contract::CardDelta> deltas;
  std::vector<std::function<void()>> held;
};

class RecordingRuntime final : public InstanceRuntime {
 public:
  void start(InstanceLaunch launch, Done done) override {
    running.insert(launch.id);
    finish("start " + std::to_string(launch.interfaces.size()), done);
  }
  void stop(const InstanceId& id, bool, Done done) override {
    running.erase(id);
    finish("stop", done);
  }
  void reboot(const InstanceId&, Done done) override { finish("reboot", done); }
  void remove(const InstanceId& id, Done done) override {
    running.erase(id);
    finish("remove", done);
  }
  void attach(const InstanceId&, const InterfaceAttachment& attachment, Done done) override {
    finish("attach " + std::to_string(attachment.device_index), done);
  }
  void detach(const InstanceId&, const NetworkInterfaceId&, Done done) override { finish("detach", done); }
  void adopt(const InstanceId&, std::vector<InterfaceAttachment>, Done done) override {
    finish("adopt", done);
  }
  void stop_all(Done done) override { done({}); }
  RunState state(const InstanceId& id) override {
    return running.contains(id) ? RunState::kRunning : RunState::kAbsent;
  }
  std::vector<InstanceId> present() override { return {running.begin(), running.end()}; }
  Result<ConsoleOutput> console_output(const InstanceId&) override { return ConsoleOutput{}; }
  void set_powered_off_listener(PoweredOff listener) override { powered_off = std::move(listener); }

  void finish(std::string what, const Done& done) {
    calls.push_back(std::move(what));
    if (hold) {
      held.push_back(done);
    } else {
      done({});
    }
  }
  bool hold = false;
  std::vector<Done> held;
  std::vector<std::string> calls;
  std::set<InstanceId> running;
  PoweredOff powered_off;
};

class ControlPlaneTest : public ::testing::Test {
 protected:
  void SetUp() override { restart(); }
  void restart() {
    plane_ = std::make_unique<ControlPlane>(
        ControlPlane::Parts{.store = store_, .card = &card_, .runtime = &runtime_, .executor = executor_},
        ControlPlaneOptions{});
    ASSERT_TRUE(plane_->recover());
    executor_.run();
  }
  // Runs the work and everything that follows; true when the call was answered with success.
  bool call(ControlPlane::Work work) {
    bool answered = false;
    plane_->submit("us-east-1", std::move(work), [&](Result<void> result) { answered = result.has_value(); });
    executor_.run();
    return answered;
  }
  InstanceId launch() {
    InstanceId id;
    EXPECT_TRUE(call([&](Transaction& transaction) {
      const SubnetId subnet = default_subnet(transaction, "").value();
      LaunchInterface interface;
      interface.fresh.subnet = subnet;
      id = run_instances(transaction, {.prototype = {}, .interfaces = {interface}}).value().front();
      return true;
    }));
    return id;
  }
  NetworkInterfaceId make_interface() {
    NetworkInterfaceId id;
    EXPECT_TRUE(call([&](Transaction& transaction) {
      NewNetworkInterface what;
      what.subnet = default_subnet(transaction, "").value();
      id = create_network_interface(transaction, what).value();
      return true;
    }));
    return id;
  }
  template <class Record>
  std::optional<Record> look(const typename Record::Id& id) {
    std::optional<Record> found;
    call([&](Transaction& transaction) {
      if (const Record* record = transaction.find<Record>(id)) found = *record;
      return true;
    });
    return found;
  }

  store::MemoryStore store_;
  HandExecutor executor_;
  RecordingCard card_;
  RecordingRuntime runtime_;
  std::unique_ptr<ControlPlane> plane_;
};

TEST_F(ControlPlaneTest, a_region_is_born_with_a_default_network) {
  EXPECT_TRUE(call([](Transaction& transaction) {
    const VpcRecord* vpc = default_vpc(transaction.region());
    EXPECT_NE(vpc, nullptr);
    EXPECT_EQ(vpc->cidr_blocks.front().cidr_block.text(), "172.31.0.0/16");
    EXPECT_THAT(transaction.region().subnets_of(vpc->id), SizeIs(6));
    EXPECT_NE(transaction.region().group_named(vpc->id, "default"), nullptr);
    return true;
  }));
}

TEST_F(ControlPlaneTest, a_call_that_fails_leaves_nothing) {
  NetworkInterfaceId id;
  const auto writes = store_.list("")->size();
  call([&](Transaction& transaction) {
    NewNetworkInterface what;
    what.subnet = default_subnet(transaction, "").value();
    id = create_network_interface(transaction, what).value();
    return false;
  });
  EXPECT_FALSE(look<NetworkInterfaceRecord>(id));
  EXPECT_LE(writes, store_.list("")->size());
  const auto entries = store_.list("");
  for (const auto& entry : entries.value()) EXPECT_EQ(entry.key.find(id.text()), std::string::npos);
}

TEST_F(ControlPlaneTest, the_answer_waits_for_the_card) {
  const NetworkInterfaceId id = make_interface();
  card_.hold = true;
  bool answered = false;
  plane_->submit(
      "us-east-1",
      [&](Transaction& transaction) {
        NetworkInterfaceRecord changed = *transaction.find<NetworkInterfaceRecord>(id);
        changed.source_dest_check = false;
        transaction.put(changed);
        return true;
      },
      [&](Result<void>) { answered = true; });
  executor_.run();
  EXPECT_FALSE(answered);
  ASSERT_THAT(card_.held, SizeIs(1));
  card_.held[0]();
  executor_.run();
  EXPECT_TRUE(answered);
}

TEST_F(ControlPlaneTest, an_instance_runs_and_its_interface_is_attached) {
  const InstanceId id = launch();
  EXPECT_EQ(look<InstanceRecord>(id)->state, InstanceState::kRunning);
  EXPECT_EQ(runtime_.calls, (std::vector<std::string>{"start 1"}));
}

TEST_F(ControlPlaneTest, a_hot_attach_answers_when_the_device_is_there) {
  const InstanceId instance = launch();
  const NetworkInterfaceId interface = make_interface();
  runtime_.hold = true;
  bool answered = false;
  plane_->submit(
      "us-east-1",
      [&](Transaction& transaction) {
        return attach_network_interface(transaction,
                                        {.interface = interface, .instance = instance, .device_index = 1})
            .has_value();
      },
      [&](Result<void> result) { answered = result.has_value(); });
  executor_.run();
  EXPECT_FALSE(answered);
  EXPECT_EQ(look<NetworkInterfaceRecord>(interface)->attachment->status, AttachmentStatus::kAttaching);
  ASSERT_THAT(runtime_.held, SizeIs(1));
  runtime_.held[0]({});
  executor_.run();
  EXPECT_TRUE(answered);
  EXPECT_EQ(look<NetworkInterfaceRecord>(interface)->attachment->status, AttachmentStatus::kAttached);
}

TEST_F(ControlPlaneTest, an_attached_interface_moves_to_another_instance_with_its_addresses) {
  const InstanceId a = launch();
  const InstanceId b = launch();
  const NetworkInterfaceId interface = make_interface();
  const auto before = look<NetworkInterfaceRecord>(interface);
  AttachmentId attachment;
  EXPECT_TRUE(call([&](Transaction& transaction) {
    attachment =
        attach_network_interface(transaction, {.interface = interface, .instance = a, .device_index = 1})
            .value();
    return true;
  }));
  EXPECT_TRUE(call([&](Transaction& transaction) {
    return detach_network_interface(transaction, attachment, false).has_value();
  }));
  EXPECT_FALSE(look<NetworkInterfaceRecord>(interface)->attachment);
  EXPECT_TRUE(call([&](Transaction& transaction) {
    return attach_network_interface(transaction, {.interface = interface, .instance = b, .device_index = 1})
        .has_value();
  }));
  const auto after = look<NetworkInterfaceRecord>(interface);
  EXPECT_EQ(after->mac, before->mac);
  EXPECT_EQ(after->addresses, before->addresses);
  EXPECT_EQ(after->attachment->instance, b);
}

TEST_F(ControlPlaneTest, everything_is_there_after_a_restart) {
  const InstanceId instance = launch();
  const NetworkInterfaceId interface = make_interface();
  const auto before = look<NetworkInterfaceRecord>(interface);
  runtime_.calls.clear();
  restart();
  EXPECT_EQ(runtime_.calls, (std::vector<std::string>{"adopt"}));
  EXPECT_EQ(look<NetworkInterfaceRecord>(interface)->mac, before->mac);
  EXPECT_EQ(look<InstanceRecord>(instance)->state, InstanceState::kRunning);
}

TEST_F(ControlPlaneTest, an_instance_that_is_gone_after_a_restart_is_started_again) {
  const InstanceId instance = launch();
  runtime_.running.clear();
  runtime_.calls.clear();
  restart();
  EXPECT_EQ(runtime_.calls, (std::vector<std::string>{"start 1"}));
  EXPECT_EQ(look<InstanceRecord>(instance)->state, InstanceState::kRunning);
}

TEST_F(ControlPlaneTest, an_instance_nobody_remembers_is_removed) {
  Random random(5);
  runtime_.running.insert(InstanceId::make(random));
  restart();
  EXPECT_TRUE(runtime_.running.empty());
}

TEST_F(ControlPlaneTest, termination_deletes_the_interface_made_at_launch) {
  const InstanceId instance = launch();
  EXPECT_TRUE(call(
      [&](Transaction& transaction) { return terminate_instances(transaction, {instance}).has_value(); }));
  EXPECT_EQ(look<InstanceRecord>(instance)->state, InstanceState::kTerminated);
  call([&](Transaction& transaction) {
    EXPECT_TRUE(transaction.table<NetworkInterfaceRecord>().empty());
    return true;
  });
}

TEST_F(ControlPlaneTest, an_instance_that_powers_itself_off_is_stopped) {
  const InstanceId instance = launch();
  runtime_.powered_off(instance);
  executor_.run();
  const auto record = look<InstanceRecord>(instance);
  EXPECT_EQ(record->state, InstanceState::kStopped);
  EXPECT_EQ(record->state_reason_code, "Client.InstanceInitiatedShutdown");
}

struct RefusalCase {
  const char* name;
  const char* code;
  std::function<Result<void>(Transaction&, const InstanceId&, const NetworkInterfaceId&)> attempt;
};

class Refusals : public ControlPlaneTest, public ::testing::WithParamInterface<RefusalCase> {};

TEST_P(Refusals, have_ec2s_code) {
  const InstanceId instance = launch();
  const NetworkInterfaceId interface = make_interface();
  std::string code;
  call([&](Transaction& transaction) {
    const auto result = GetParam().attempt(transaction, instance, interface);
    code = result ? "none" : vpc::ec2_code(result.error());
    return false;
  });
  EXPECT_EQ(code, GetParam().code);
}

Result<void> nothing(const auto& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

INSTANTIATE_TEST_SUITE_P(
    Operations, Refusals,
    ::testing::Values(RefusalCase{"index_taken", "InvalidParameterValue",
                                  [](Transaction& tx, const InstanceId& i, const NetworkInterfaceId& n) {
                                    return nothing(attach_network_interface(
                                        tx, {.interface = n, .instance = i, .device_index = 0}));
                                  }},
                      RefusalCase{"attached_twice", "InvalidNetworkInterface.InUse",
                                  [](Transaction& tx, const InstanceId& i, const NetworkInterfaceId& n) {
                                    EXPECT_TRUE(attach_network_interface(
                                        tx, {.interface = n, .instance = i, .device_index = 1}));
                                    return nothing(attach_network_interface(
                                        tx, {.interface = n, .instance = i, .device_index = 2}));
                                  }},
                      RefusalCase{"too_many_interfaces", "AttachmentLimitExceeded",
                                  [](Transaction& tx, const InstanceId& i, const NetworkInterfaceId& n) {
                                    EXPECT_TRUE(attach_network_interface(
                                        tx, {.interface = n, .instance = i, .device_index = 1}));
                                    NewNetworkInterface what;
                                    what.subnet = tx.find<NetworkInterfaceRecord>(n)->subnet;
                                    const auto other = create_network_interface(tx, what).value();
                                    return nothing(attach_network_interface(
                                        tx, {.interface = other, .instance = i, .device_index = 2}));
                                  }},
                      RefusalCase{"primary_detach", "OperationNotPermitted",
                                  [](Transaction& tx, const InstanceId& i, const NetworkInterfaceId&) {
                                    const auto id = tx.region().interfaces_of(i).front()->attachment->id;
                                    return detach_network_interface(tx, id, true);
                                  }},
                      RefusalCase{"delete_in_use", "InvalidNetworkInterface.InUse",
                                  [](Transaction& tx, const InstanceId& i, const NetworkInterfaceId&) {
                                    return delete_network_interface(tx,
                                                                    tx.region().interfaces_of(i).front()->id);
                                  }},
                      RefusalCase{"address_in_use", "InvalidIPAddress.InUse",
                                  [](Transaction& tx, const InstanceId&, const NetworkInterfaceId& n) {
                                    NewNetworkInterface what;
                                    what.subnet = tx.find<NetworkInterfaceRecord>(n)->subnet;
                                    what.primary = tx.find<NetworkInterfaceRecord>(n)->addresses.front();
                                    return nothing(create_network_interface(tx, what));
                                  }},
                      RefusalCase{"reserved_address", "InvalidParameterValue",
                                  [](Transaction& tx, const InstanceId&, const NetworkInterfaceId& n) {
                                    NewNetworkInterface what;
                                    what.subnet = tx.find<NetworkInterfaceRecord>(n)->subnet;
                                    what.primary = tx.find<SubnetRecord>(what.subnet)->cidr_block.at(2);
                                    return nothing(create_network_interface(tx, what));
                                  }},
                      RefusalCase{"assigned_elsewhere", "Resource.AlreadyAssigned",
                                  [](Transaction& tx, const InstanceId& i, const NetworkInterfaceId& n) {
                                    const auto own = tx.region().interfaces_of(i).front();
                                    return nothing(assign_private_addresses(
                                        tx, n, {.addresses = {own->addresses.front()}, .prefixes = {}},
                                        false));
                                  }}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace enid::control
