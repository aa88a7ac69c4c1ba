// Stories of several hosts: where instances run, what each card knows, and hosts that are lost and come back.
#include "control/hosts.h"

#include <gmock/gmock.h>

#include "control/testing/several_hosts.h"

namespace enid::control {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class HostsStory : public testing::SeveralHosts {
 protected:
  const contract::HostProgram* host_told(const std::string& reader, const std::string& host) {
    return machine(reader).card.find<contract::HostProgram>(HostId::trusted(host));
  }
  NetworkInterfaceId primary_of(const InstanceId& id) { return region().interfaces_of(id).front()->id; }
  InstanceState state_of(const InstanceId& id) { return instance(id).state; }
};

TEST_F(HostsStory, instances_go_to_the_least_loaded_host) {
  ASSERT_EQ(join(2), "");
  ASSERT_EQ(launch({}, 4), "");
  std::map<std::string, int> on;
  for (const InstanceId& id : launched_) {
    ++on[host_of(id)];
    EXPECT_TRUE(runs_on(host_of(id), id));
  }
  // host-1 has 256 virtual functions, host-2 only 8: its share grows faster.
  EXPECT_EQ(on, (std::map<std::string, int>{{"host-1", 3}, {"host-2", 1}}));
}

TEST_F(HostsStory, a_card_knows_only_the_vpcs_that_it_serves) {
  ASSERT_EQ(join(2), "");
  EXPECT_THAT(machine("host-2").card.entities, IsEmpty());
  const InstanceId here = launch_on("host-1");
  EXPECT_THAT(machine("host-2").card.entities, IsEmpty());

  const InstanceId there = launch_on("host-2");
  const VpcId vpc = instance(there).vpc;
  const auto* program = machine("host-2").card.find<contract::VpcProgram>(vpc);
  ASSERT_NE(program, nullptr);
  EXPECT_GT(program->vni, 0u);
  EXPECT_LT(program->vni, 1u << 24);
  EXPECT_EQ(program->vni, machine("host-1").card.find<contract::VpcProgram>(vpc)->vni);
  EXPECT_EQ(told("host-2", primary_of(there))->host.text(), "") << "its own have no host's name";
  EXPECT_EQ(told("host-2", primary_of(here))->host.text(), "host-1");
  EXPECT_EQ(told("host-1", primary_of(there))->host.text(), "host-2");
  EXPECT_NE(machine("host-2").card.find<contract::InstanceProgram>(there), nullptr);
  EXPECT_EQ(machine("host-2").card.find<contract::InstanceProgram>(here), nullptr);
  ASSERT_NE(host_told("host-2", "host-1"), nullptr);
  EXPECT_EQ(host_told("host-2", "host-1")->underlay_address.text(), "10.99.0.1");
  EXPECT_EQ(host_told("host-2", "host-1")->pair_key, host_told("host-1", "host-2")->pair_key);
  EXPECT_EQ(host_told("host-2", "host-2"), nullptr);

  ASSERT_EQ(terminate(there), "");
  EXPECT_THAT(machine("host-2").card.entities, IsEmpty());
  EXPECT_EQ(host_told("host-1", "host-2"), nullptr);
}

TEST_F(HostsStory, an_interface_fails_over_to_an_instance_on_another_host) {
  ASSERT_EQ(join(2), "");
  const InstanceId a = launch_on("host-1");
  const InstanceId b = launch_on("host-2");
  const NetworkInterfaceId moving = make_interface();
  ASSERT_EQ(attach(moving, a), "");
  EXPECT_EQ(told("host-2", moving)->host.text(), "host-1");
  ASSERT_EQ(detach(attachment_), "");
  EXPECT_FALSE(told("host-2", moving)->instance);
  ASSERT_EQ(attach(moving, b), "");
  EXPECT_EQ(told("host-2", moving)->host.text(), "");
  EXPECT_EQ(told("host-2", moving)->instance, b);
  EXPECT_EQ(told("host-1", moving)->host.text(), "host-2");
  EXPECT_EQ(machine("host-1").runtime.interfaces[a], 1u);
  EXPECT_EQ(machine("host-2").runtime.interfaces[b], 2u);
}

TEST_F(HostsStory, an_interface_leaves_a_lost_host_by_force_and_its_device_when_that_is_back) {
  ASSERT_EQ(join(2), "");
  const InstanceId active = launch_on("host-2");
  const InstanceId standby = launch_on("host-1");
  const NetworkInterfaceId moving = make_interface();
  ASSERT_EQ(attach(moving, active), "");
  const AttachmentId old = attachment_;
  lose("host-2");

  EXPECT_EQ(detach(old, true), "");
  EXPECT_EQ(attach(moving, standby), "");
  EXPECT_EQ(machine("host-2").runtime.interfaces[active], 2u) << "nobody can tell it";
  EXPECT_EQ(told("host-1", moving)->host.text(), "");
  EXPECT_EQ(told("host-2", moving)->host.text(), "host-1") << "its link keeps the delta for it";

  ASSERT_EQ(join(2), "");
  EXPECT_EQ(machine("host-2").runtime.interfaces[active], 1u);
  EXPECT_EQ(state_of(active), InstanceState::kRunning);
}

TEST_F(HostsStory, a_call_that_needs_a_lost_host_is_answered_after_a_while) {
  ASSERT_EQ(join(2), "");
  const InstanceId id = launch_on("host-2");
  const NetworkInterfaceId first = make_interface();
  const NetworkInterfaceId second = make_interface();
  ASSERT_EQ(attach(first, id), "");
  machine("host-2").runtime.answers = false;
  EXPECT_EQ(attach(second, id, 2), "waits");
  lose("host-2");
  EXPECT_EQ(last_code(), "waits");
  executor_->let_time_pass();
  EXPECT_EQ(last_code(), "ServerInternal");

  EXPECT_EQ(attach(make_interface(), id, 3), "ServerInternal") << "what is known to fail is refused at once";
  const AttachmentId attachment = region().find<NetworkInterfaceRecord>(first)->attachment->id;
  EXPECT_EQ(detach(attachment), "waits");
  executor_->let_time_pass();
  EXPECT_EQ(last_code(), "") << "it goes on detaching, as in EC2";
  EXPECT_EQ(region().find<NetworkInterfaceRecord>(first)->attachment->status, AttachmentStatus::kDetaching);

  ASSERT_EQ(join(2), "");
  EXPECT_FALSE(region().find<NetworkInterfaceRecord>(first)->attachment);
  EXPECT_EQ(region().find<NetworkInterfaceRecord>(second)->attachment->status, AttachmentStatus::kAttached);
}

TEST_F(HostsStory, what_a_host_answers_after_it_was_lost_is_nobodys) {
  ASSERT_EQ(join(2), "");
  const InstanceId id = launch_on("host-2");
  const NetworkInterfaceId interface = make_interface();
  machine("host-2").runtime.holds = true;
  EXPECT_EQ(attach(interface, id), "waits");
  lose("host-2");
  ASSERT_EQ(join(2), "");
  EXPECT_EQ(last_code(), "waits") << "its adoption is under way";
  ASSERT_THAT(machine("host-2").runtime.held, SizeIs(2));
  machine("host-2").runtime.held[0](failure(std::make_error_code(std::errc::io_error), "of the lost link"));
  executor_->run();
  EXPECT_EQ(last_code(), "waits");
  machine("host-2").runtime.held[1]({});
  executor_->run();
  EXPECT_EQ(last_code(), "");
  EXPECT_EQ(region().find<NetworkInterfaceRecord>(interface)->attachment->status,
            AttachmentStatus::kAttached);
}

TEST_F(HostsStory, calls_do_not_wait_for_the_card_of_a_lost_host) {
  ASSERT_EQ(join(2), "");
  launch_on("host-2");
  const InstanceId here = launch_on("host-1");
  const NetworkInterfaceId interface = make_interface();
  machine("host-2").card.answers = false;
  EXPECT_EQ(attach(interface, here), "waits") << "it is connected, and has not said that it applied";
  lose("host-2");
  EXPECT_EQ(last_code(), "");
  EXPECT_EQ(attach(make_interface(), here, 2), "");
}

TEST_F(HostsStory, a_lost_host_gets_no_new_instances_and_keeps_its_own) {
  ASSERT_EQ(join(2), "");
  const InstanceId id = launch_on("host-2");
  lose("host-2");
  EXPECT_EQ(state_of(id), InstanceState::kRunning);
  EXPECT_EQ(launch({.host = "host-2"}), "InsufficientCapacityOnHost");
  ASSERT_EQ(launch({}, 3), "");
  for (const InstanceId& other : launched_) EXPECT_EQ(host_of(other), "host-1");

  EXPECT_EQ(stop(id), "");
  EXPECT_EQ(state_of(id), InstanceState::kStopping) << "it runs until its host hears of it";
  ASSERT_EQ(join(2), "");
  EXPECT_EQ(state_of(id), InstanceState::kStopped);
  EXPECT_FALSE(runs_on("host-2", id));
}

TEST_F(HostsStory, a_host_that_comes_back_by_the_same_links_gets_no_snapshot) {
  ASSERT_EQ(join(2), "");
  launch_on("host-2");
  lose("host-2");
  make_interface();
  ASSERT_EQ(join(2), "");
  EXPECT_EQ(machine("host-2").card.snapshots, 1);
  replace_machine("host-2");
  ASSERT_EQ(join(2), "");
  EXPECT_EQ(machine("host-2").card.snapshots, 1);
  EXPECT_FALSE(machine("host-2").card.entities.empty());
}

TEST_F(HostsStory, instances_that_a_host_lost_with_its_power_are_started_again_there) {
  ASSERT_EQ(join(2), "");
  const InstanceId id = launch_on("host-2");
  lose("host-2");
  machine("host-2").runtime.lose_all();
  ASSERT_EQ(join(2), "");
  EXPECT_TRUE(runs_on("host-2", id));
  EXPECT_EQ(state_of(id), InstanceState::kRunning);
}

TEST_F(HostsStory, a_restarted_control_plane_waits_for_its_hosts) {
  ASSERT_EQ(join(2), "");
  const InstanceId here = launch_on("host-1");
  const InstanceId there = launch_on("host-2");
  const std::int32_t vni = region().find<VpcRecord>(instance(there).vpc)->vni;
  start();
  EXPECT_EQ(state_of(here), InstanceState::kRunning);
  EXPECT_EQ(state_of(there), InstanceState::kRunning);
  EXPECT_TRUE(runs_on("host-2", there));
  EXPECT_EQ(region().find<VpcRecord>(instance(there).vpc)->vni, vni);
  EXPECT_FALSE(plane_->hosts().find("host-2")->connected);
  EXPECT_EQ(plane_->hosts().find("host-2")->network_cards.free(), 7) << "what its instances hold is not free";
  EXPECT_EQ(host_told("host-1", "host-2")->underlay_address.text(), "10.99.0.2");

  ASSERT_EQ(join(2), "");
  EXPECT_TRUE(plane_->hosts().find("host-2")->connected);
  EXPECT_NE(told("host-2", primary_of(there)), nullptr);
  EXPECT_EQ(stop(there), "");
  EXPECT_FALSE(runs_on("host-2", there));
}

TEST_F(HostsStory, a_host_is_freed_of_what_it_no_longer_has) {
  ASSERT_EQ(join(2), "");
  const InstanceId id = launch_on("host-2");
  lose("host-2");
  std::string answer = "none";
  plane_->forget_host(HostId::trusted("host-2"),
                      [&](const Result<void>& result) { answer = result ? "" : result.error().message; });
  executor_->run();
  EXPECT_EQ(answer, "");
  EXPECT_EQ(state_of(id), InstanceState::kStopped);
  EXPECT_EQ(instance(id).disk_host.text(), "");
  EXPECT_EQ(plane_->hosts().find("host-2"), nullptr);

  EXPECT_EQ(start_instance(id), "InsufficientCapacityOnHost") << "it asked for that host";
  ASSERT_EQ(join(2), "");
  EXPECT_FALSE(runs_on("host-2", id)) << "what it still had of it is removed";
  EXPECT_EQ(start_instance(id), "");
  EXPECT_EQ(host_of(id), "host-2");
}

TEST_F(HostsStory, a_stopped_instance_starts_where_its_files_are_or_anew_elsewhere) {
  ASSERT_EQ(join(2), "");
  ASSERT_EQ(join(3), "");
  ASSERT_EQ(launch({}, 1), "");
  const InstanceId id = launched_.front();
  const std::string first = host_of(id);
  ASSERT_EQ(stop(id), "");
  EXPECT_EQ(host_of(id), "");
  ASSERT_EQ(start_instance(id), "");
  EXPECT_EQ(host_of(id), first);
  ASSERT_EQ(stop(id), "");
  start(false);  // Without host-1.
  ASSERT_EQ(join(3), "");
  ASSERT_EQ(start_instance(id), "");
  EXPECT_EQ(host_of(id), "host-3");
  EXPECT_TRUE(runs_on("host-3", id));
}

TEST_F(HostsStory, only_hosts_that_make_sense_may_join) {
  ASSERT_EQ(join(2), "");
  EXPECT_THAT(join(described(1)), HasSubstr("control plane itself"));
  HostDescription odd = described(3);
  odd.id = HostId::trusted("rack/3");
  EXPECT_THAT(join(odd), HasSubstr("no name"));
  odd = described(3);
  odd.underlay_address = described(2).underlay_address;
  EXPECT_THAT(join(odd), HasSubstr("host-2 has the underlay address 10.99.0.2"));
  odd = described(3);
  odd.network_cards.network_cards = 0;
  EXPECT_THAT(join(odd), HasSubstr("network cards"));
  odd = described(3);
  odd.availability_zones = {"nowhere-1a"};
  EXPECT_THAT(join(odd), HasSubstr("nowhere-1a"));
  launch_on("host-2");
  launch_on("host-2");
  odd = described(2);
  odd.network_cards.virtual_functions_per_card = 1;
  EXPECT_THAT(join(odd), HasSubstr("in use"));
  EXPECT_TRUE(plane_->hosts().find("host-2")->connected);
}

TEST_F(HostsStory, a_host_serves_its_zones_only) {
  HostDescription zoned = described(2);
  zoned.availability_zones = {"us-east-1b"};
  ASSERT_EQ(join(zoned), "");
  EXPECT_EQ(launch({.host = zoned.id.text()}), "InsufficientCapacityOnHost") << "the subnet is in us-east-1a";
  call([&](Transaction& transaction) -> Result<void> {
    subnet_ = TRY(default_subnet(transaction, "us-east-1b"));
    return {};
  });
  EXPECT_EQ(launch({.host = zoned.id.text()}), "");
}

class Groups : public testing::SeveralHosts {
 protected:
  void SetUp() override {
    for (int number = 2; number <= 4; ++number) ASSERT_EQ(join(number), "");
  }
  void make_group(const std::string& strategy, std::int32_t partitions = 0) {
    call([&](Transaction& transaction) -> Result<void> {
      transaction.put(PlacementGroupRecord{.id = transaction.make_id<PlacementGroupId>(),
                                           .name = strategy,
                                           .strategy = strategy,
                                           .partition_count = partitions,
                                           .spread_level = {},
                                           .tags = {}});
      return {};
    });
  }
};

TEST_F(Groups, a_cluster_is_on_one_host_while_it_fits) {
  make_group("cluster");
  ASSERT_EQ(launch({.placement_group = "cluster"}, 3), "");
  for (const InstanceId& id : launched_) EXPECT_EQ(host_of(id), host_of(launched_.front()));
}

TEST_F(Groups, spread_instances_are_on_distinct_hosts) {
  make_group("spread");
  ASSERT_EQ(launch({.placement_group = "spread"}, 4), "");
  std::set<std::string> hosts;
  for (const InstanceId& id : launched_) hosts.insert(host_of(id));
  EXPECT_THAT(hosts, SizeIs(4));
  EXPECT_EQ(launch({.placement_group = "spread"}), "InsufficientInstanceCapacity");
}

TEST_F(Groups, the_eighth_of_a_spread_group_in_a_zone_is_refused) {
  make_group("spread");
  for (int number = 5; number <= 9; ++number) ASSERT_EQ(join(number), "");
  ASSERT_EQ(launch({.placement_group = "spread"}, 7), "");
  EXPECT_EQ(launch({.placement_group = "spread"}), "InsufficientInstanceCapacity");
  ASSERT_EQ(stop(launched_.front()), "");
  EXPECT_EQ(launch({.placement_group = "spread"}), "") << "running instances count";
}

TEST_F(Groups, partitions_share_no_host) {
  make_group("partition", 2);
  ASSERT_EQ(launch({.placement_group = "partition"}, 6), "");
  std::map<std::string, std::set<std::int32_t>> partitions;
  std::map<std::int32_t, int> members;
  for (const InstanceId& id : launched_) {
    partitions[host_of(id)].insert(instance(id).partition_number);
    ++members[instance(id).partition_number];
  }
  for (const auto& [host, numbers] : partitions) EXPECT_THAT(numbers, SizeIs(1)) << host;
  EXPECT_EQ(members, (std::map<std::int32_t, int>{{1, 3}, {2, 3}}));
  EXPECT_EQ(launch({.placement_group = "partition", .partition_number = 3}), "InvalidParameterValue");
}

TEST_F(Groups, what_makes_no_sense_is_refused) {
  make_group("cluster");
  EXPECT_EQ(launch({.placement_group = "apart"}), "InvalidPlacementGroup.Unknown");
  EXPECT_EQ(launch({.placement_group = "cluster", .partition_number = 1}), "InvalidParameterCombination");
  EXPECT_EQ(launch({.partition_number = 1}), "InvalidParameterCombination");
  EXPECT_EQ(launch({.host = "host-77"}), "InvalidHostID.NotFound");
}

}  // namespace
}  // namespace enid::control
