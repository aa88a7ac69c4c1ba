// Stories of the virtual functions that instances hold, through the whole control plane: a store in memory, a
// runtime that is willing, and daemons that come and go over the same store.
#include "control/operations/virtual_functions.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "control/control_plane.h"
#include "control/operations/instances.h"
#include "control/operations/network_interfaces.h"
#include "control/testing/control_plane_parts.h"
#include "store/memory/memory_store.h"
#include "vpc/ec2_error.h"

namespace enid::control {
namespace {

using ::testing::HasSubstr;

class VirtualFunctions : public ::testing::Test {
 protected:
  // A new daemon over the same store. "" or why it does not start.
  std::string start(const NetworkCardRequest& request = {}) {
    plane_ = std::make_unique<ControlPlane>(
        ControlPlane::Parts{
            .store = *store_, .card = &card_, .runtime = runtime_.get(), .executor = executor_},
        ControlPlaneOptions{.seed = ++starts_, .network_cards = request});
    const Result<void> recovered = plane_->recover();
    executor_.run();
    return recovered ? "" : recovered.error().message;
  }

  // "" when the call is done, or EC2's code.
  std::string call(const std::function<Result<void>(Transaction&)>& work) {
    std::string code;
    plane_->submit(
        kRegion,
        [&](Transaction& transaction) {
          const Result<void> result = work(transaction);
          if (!result) code = vpc::ec2_code(result.error());
          return result.has_value();
        },
        [&](const Result<void>& result) {
          if (!result) code = vpc::ec2_code(result.error());
        });
    executor_.run();
    check_index();
    return code;
  }

  std::string launch(std::int32_t count = 1, std::int32_t min_count = 1, const char* type = "c5.4xlarge") {
    return call([&](Transaction& transaction) -> Result<void> {
      NewInstances what;
      what.prototype.instance_type = type;
      what.min_count = min_count;
      what.max_count = count;
      what.interfaces.resize(1);
      what.interfaces[0].fresh.subnet = TRY(default_subnet(transaction, ""));
      launched_ = TRY(run_instances(transaction, what));
      return {};
    });
  }
  std::string attach(const InstanceId& instance, std::int32_t device_index, std::int32_t card = 0) {
    return call([&](Transaction& transaction) -> Result<void> {
      NewNetworkInterface what;
      what.subnet = transaction.find<InstanceRecord>(instance)->subnet;
      attached_ = TRY(create_network_interface(transaction, what));
      attachment_ = TRY(attach_network_interface(transaction, {.interface = attached_,
                                                               .instance = instance,
                                                               .device_index = device_index,
                                                               .network_card_index = card}));
      return {};
    });
  }
  std::string detach(const AttachmentId& attachment) {
    return call(
        [&](Transaction& transaction) { return detach_network_interface(transaction, attachment, true); });
  }
  template <class Operation>
  std::string change(const InstanceId& instance, Operation operation) {
    return call([&](Transaction& transaction) -> Result<void> {
      TRY(operation(transaction, std::vector{instance}));
      return {};
    });
  }
  std::string start_instance(const InstanceId& id) { return change(id, start_instances); }
  std::string terminate(const InstanceId& id) { return change(id, terminate_instances); }
  std::string stop(const InstanceId& id) {
    return change(id, [](Transaction& transaction, const std::vector<InstanceId>& ids) {
      return stop_instances(transaction, ids, false);
    });
  }

  const RegionModel& region() const { return *model_; }
  // "0.3 1.0": card and number, of each interface of the instance; "-" for none.
  std::string held_by(const InstanceId& instance) {
    std::string text;
    inspect();
    for (const NetworkInterfaceRecord* interface : region().interfaces_of(instance)) {
      const auto& function = interface->attachment->virtual_function;
      text += (text.empty() ? "" : " ") +
              (function ? fmt::format("{}.{}", function->card, function->number) : "-");
    }
    return text;
  }
  InstanceState state_of(const InstanceId& instance) {
    inspect();
    return region().find<InstanceRecord>(instance)->state;
  }
  std::int64_t free() {
    inspect();
    return cards().free();
  }
  const HostNetworkCards& cards() { return region().hosts().find("host-1")->network_cards; }
  void inspect() {
    plane_->inspect([this](const ControlPlane::Regions& regions, store::Revision) {
      model_ = regions.at(kRegion).get();
    });
    executor_.run();
  }
  // What the cards say is what the records say, and those on a host hold one each, those not none.
  void check_index() {
    inspect();
    std::int64_t held = 0;
    for (const auto& [id, interface] : region().table<NetworkInterfaceRecord>()) {
      if (!interface.attachment) continue;
      const InstanceState state = region().find<InstanceRecord>(interface.attachment->instance)->state;
      const bool runs = state == InstanceState::kRunning || state == InstanceState::kPending;
      EXPECT_EQ(interface.attachment->virtual_function.has_value(), runs) << id.text();
      if (!interface.attachment->virtual_function) continue;
      ++held;
      EXPECT_FALSE(cards().is_free(*interface.attachment->virtual_function));
    }
    const NetworkCardSettings& settings = cards().settings();
    EXPECT_EQ(held + cards().free(),
              std::int64_t{settings.network_cards} * settings.virtual_functions_per_card);
  }

  static constexpr const char* kRegion = "us-east-1";
  static constexpr NetworkCardRequest kTwo{.network_cards = 1, .virtual_functions_per_card = 2};

  std::unique_ptr<store::MemoryStore> store_ = std::make_unique<store::MemoryStore>();
  testing::WillingCard card_;
  std::unique_ptr<testing::WillingRuntime> runtime_ = std::make_unique<testing::WillingRuntime>();
  testing::HandExecutor executor_;
  std::unique_ptr<ControlPlane> plane_;
  const RegionModel* model_ = nullptr;
  std::uint64_t starts_ = 0;  // Seeds each daemon: ids never come twice.
  std::vector<InstanceId> launched_;
  NetworkInterfaceId attached_;
  AttachmentId attachment_;
};

TEST_F(VirtualFunctions, a_host_has_one_card_of_256_at_first) {
  ASSERT_EQ(start(), "");
  ASSERT_EQ(launch(), "");
  EXPECT_EQ(held_by(launched_[0]), "0.0");
  EXPECT_EQ(free(), 255);
}

TEST_F(VirtualFunctions, an_attach_takes_one_and_a_detach_gives_it_back) {
  ASSERT_EQ(start(kTwo), "");
  ASSERT_EQ(launch(), "");
  const InstanceId instance = launched_[0];
  ASSERT_EQ(attach(instance, 1), "");
  const AttachmentId first = attachment_;
  EXPECT_EQ(held_by(instance), "0.0 0.1");
  EXPECT_EQ(attach(instance, 2), "InsufficientInstanceCapacity");
  EXPECT_EQ(held_by(instance), "0.0 0.1");
  EXPECT_EQ(launch(), "InsufficientInstanceCapacity");
  ASSERT_EQ(detach(first), "");
  EXPECT_EQ(free(), 1);
  EXPECT_EQ(attach(instance, 2), "");
  EXPECT_EQ(held_by(instance), "0.0 0.1");
}

TEST_F(VirtualFunctions, a_refused_call_leaves_no_instance_and_no_interface) {
  ASSERT_EQ(start(kTwo), "");
  ASSERT_EQ(launch(3, 3), "InsufficientInstanceCapacity");
  EXPECT_TRUE(region().table<InstanceRecord>().empty());
  EXPECT_TRUE(region().table<NetworkInterfaceRecord>().empty());
  EXPECT_EQ(free(), 2);
}

TEST_F(VirtualFunctions, a_launch_makes_as_many_instances_as_fit) {
  ASSERT_EQ(start(kTwo), "");
  ASSERT_EQ(launch(5, 1), "");
  EXPECT_EQ(launched_.size(), 2U);
  EXPECT_EQ(free(), 0);
}

TEST_F(VirtualFunctions, a_stopped_instance_holds_none_and_may_not_get_one_again) {
  ASSERT_EQ(start(kTwo), "");
  ASSERT_EQ(launch(2), "");
  const std::vector<InstanceId> instances = launched_;
  ASSERT_EQ(stop(instances[0]), "");
  EXPECT_EQ(held_by(instances[0]), "-");
  EXPECT_EQ(attach(instances[0], 1), "") << "an attachment of a stopped instance takes none";
  EXPECT_EQ(held_by(instances[0]), "- -");
  EXPECT_EQ(start_instance(instances[0]), "InsufficientInstanceCapacity") << "two are needed, one is there";
  EXPECT_EQ(state_of(instances[0]), InstanceState::kStopped);
  EXPECT_EQ(free(), 1);
  ASSERT_EQ(terminate(instances[1]), "");
  EXPECT_EQ(free(), 2);
  EXPECT_EQ(start_instance(instances[0]), "");
  EXPECT_EQ(held_by(instances[0]), "0.0 0.1");
}

TEST_F(VirtualFunctions, termination_gives_back_what_is_deleted_and_what_is_kept) {
  ASSERT_EQ(start(kTwo), "");
  ASSERT_EQ(launch(), "");
  ASSERT_EQ(attach(launched_[0], 1), "");  // Without DeleteOnTermination: it stays, detached.
  ASSERT_EQ(terminate(launched_[0]), "");
  EXPECT_EQ(free(), 2);
  EXPECT_NE(region().find<NetworkInterfaceRecord>(attached_), nullptr);
}

TEST_F(VirtualFunctions, assignments_outlive_the_daemon_and_so_does_the_setting) {
  ASSERT_EQ(start({.network_cards = 2, .virtual_functions_per_card = 2}), "");
  ASSERT_EQ(launch(2), "");
  const std::vector<InstanceId> instances = launched_;
  ASSERT_EQ(attach(instances[1], 1), "");
  ASSERT_EQ(terminate(instances[0]), "");
  ASSERT_EQ(held_by(instances[1]), "1.0 1.1");
  ASSERT_EQ(start(), "");
  EXPECT_EQ(held_by(instances[1]), "1.0 1.1");
  EXPECT_EQ(free(), 2);
  ASSERT_EQ(launch(2), "");
  EXPECT_EQ(held_by(launched_[0]) + " " + held_by(launched_[1]), "0.0 0.1");
  EXPECT_EQ(attach(instances[1], 2), "InsufficientInstanceCapacity");
}

TEST_F(VirtualFunctions, a_reboot_of_the_machine_below_changes_no_assignment) {
  ASSERT_EQ(start(kTwo), "");
  ASSERT_EQ(launch(2), "");
  const std::vector<InstanceId> instances = launched_;
  ASSERT_EQ(stop(instances[0]), "");
  runtime_ = std::make_unique<testing::WillingRuntime>();  // Nothing runs any more.
  ASSERT_EQ(start(), "");
  EXPECT_EQ(held_by(instances[0]), "-");
  EXPECT_EQ(held_by(instances[1]), "0.1");
  EXPECT_EQ(state_of(instances[1]), InstanceState::kRunning);
  check_index();
}

TEST_F(VirtualFunctions, a_host_grows_at_will_and_shrinks_to_what_is_in_use) {
  ASSERT_EQ(start(kTwo), "");
  ASSERT_EQ(launch(2), "");
  ASSERT_EQ(start({.network_cards = 2, .virtual_functions_per_card = {}}), "");
  EXPECT_EQ(free(), 2);
  ASSERT_EQ(launch(), "");
  EXPECT_EQ(held_by(launched_[0]), "1.0");
  EXPECT_THAT(start({.network_cards = 1, .virtual_functions_per_card = {}}),
              HasSubstr("virtual function 0 of card 1 is held by eni-"));
  ASSERT_EQ(start(), "") << "the refused setting was not kept";
  ASSERT_EQ(terminate(launched_[0]), "");
  EXPECT_EQ(start({.network_cards = 1, .virtual_functions_per_card = {}}), "");
  EXPECT_EQ(free(), 0);
  EXPECT_THAT(start({.network_cards = 65, .virtual_functions_per_card = {}}), HasSubstr("from 1 to 64"));
  EXPECT_THAT(start({.network_cards = {}, .virtual_functions_per_card = 0}), HasSubstr("from 1 to 4096"));
}

TEST_F(VirtualFunctions, network_cards_of_an_instance_are_on_different_cards_of_the_host) {
  ASSERT_EQ(start({.network_cards = 3, .virtual_functions_per_card = {}}), "");
  ASSERT_EQ(launch(1, 1, "p4d.24xlarge"), "");  // 4 network cards.
  const InstanceId instance = launched_[0];
  for (const std::int32_t card : {1, 2, 3}) ASSERT_EQ(attach(instance, 1, card), "");
  ASSERT_EQ(attach(instance, 1, 0), "");
  ASSERT_EQ(attach(instance, 2, 2), "");
  // In order of network card and device index: 0/0, 0/1, 1/1, 2/1, 2/2, 3/1.
  EXPECT_EQ(held_by(instance), "0.0 0.2 1.0 2.0 2.1 0.1");
}

// States of before this bookkeeping, or of a hand's change.
class EarlierStates : public VirtualFunctions {
 protected:
  void edit(const NetworkInterfaceId& id, const std::function<void(NetworkInterfaceRecord&)>& change) {
    NetworkInterfaceRecord record = *region().find<NetworkInterfaceRecord>(id);
    change(record);
    store_->commit(
        {.compares = {}, .writes = {{record_key<NetworkInterfaceRecord>(kRegion, id), to_json(record)}}},
        [](const Result<store::CommitResult>&) {});
  }
};

TEST_F(EarlierStates, are_given_virtual_functions_as_far_as_they_go) {
  ASSERT_EQ(start(kTwo), "");
  ASSERT_EQ(launch(2), "");
  for (const InstanceId& instance : launched_)
    edit(region().interfaces_of(instance)[0]->id,
         [](auto& record) { record.attachment->virtual_function.reset(); });
  ASSERT_EQ(start({.network_cards = 1, .virtual_functions_per_card = 1}), "");
  check_index();
  const std::map<InstanceState, int> expected = {{InstanceState::kRunning, 1}, {InstanceState::kStopped, 1}};
  std::map<InstanceState, int> states;
  for (const InstanceId& instance : launched_) {
    ++states[state_of(instance)];
    const auto* record = region().find<InstanceRecord>(instance);
    if (record->state == InstanceState::kStopped) {
      EXPECT_EQ(record->state_reason_code, "Server.InsufficientInstanceCapacity");
    }
  }
  EXPECT_EQ(states, expected);
}

TEST_F(EarlierStates, that_give_one_to_two_are_refused) {
  for (const std::int32_t odd : {0, 7, -1}) {
    plane_.reset();
    store_ = std::make_unique<store::MemoryStore>();
    runtime_ = std::make_unique<testing::WillingRuntime>();
    ASSERT_EQ(start(kTwo), "");
    ASSERT_EQ(launch(2), "");
    for (const InstanceId& instance : launched_)
      edit(region().interfaces_of(instance)[0]->id,
           [&](auto& record) { record.attachment->virtual_function->number = odd; });
    EXPECT_THAT(start(), HasSubstr("virtual function")) << odd;
  }
}

TEST_F(VirtualFunctions, never_leak_over_random_histories) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    plane_.reset();
    store_ = std::make_unique<store::MemoryStore>();
    runtime_ = std::make_unique<testing::WillingRuntime>();
    Random random(seed);
    ASSERT_EQ(start({.network_cards = static_cast<std::int32_t>(1 + random.below(3)),
                     .virtual_functions_per_card = static_cast<std::int32_t>(2 + random.below(3))}),
              "");
    std::vector<InstanceId> instances;
    std::vector<AttachmentId> attachments;
    for (int step = 0; step < 150 && !HasFailure(); ++step) {
      const std::uint64_t what = random.below(12);
      SCOPED_TRACE(fmt::format("seed {} step {} what {}", seed, step, what));
      if (what < 3 || instances.empty()) {
        if (launch(static_cast<std::int32_t>(1 + random.below(2))) == "")
          instances.insert(instances.end(), launched_.begin(), launched_.end());
        continue;
      }
      const InstanceId instance = instances[random.below(instances.size())];
      if (what < 6 && attach(instance, static_cast<std::int32_t>(1 + random.below(6))) == "")
        attachments.push_back(attachment_);
      if (what == 6 && !attachments.empty()) detach(attachments[random.below(attachments.size())]);
      if (what == 7) stop(instance);
      if (what == 8 || what == 9) start_instance(instance);
      if (what == 10) terminate(instance);
      if (what == 11) {
        ASSERT_EQ(start(), "");
      }
      check_index();
    }
    for (const InstanceId& instance : instances) terminate(instance);
    const NetworkCardSettings settings = cards().settings();
    EXPECT_EQ(free(), std::int64_t{settings.network_cards} * settings.virtual_functions_per_card);
  }
}

}  // namespace
}  // namespace enid::control
