// Random histories: what the deltas made of each card is what a fresh snapshot says, and what an obvious slow
// look at all records says.
#include "control/card_feeds.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "control/card_programs.h"
#include "control/testing/several_hosts.h"

namespace enid::control {
namespace {

using Entities = std::map<contract::EntityId, contract::Entity>;

void keep(Entities& entities, contract::Entity entity) {
  const auto id = std::visit([](const auto& program) { return contract::EntityId(program.id); }, entity);
  entities.insert_or_assign(id, std::move(entity));
}

class CardFeedsTest : public testing::SeveralHosts {
 protected:
  static constexpr int kHosts = 3;

  // Everything from the records, the slow way.
  Entities reference(const HostId& host) {
    Entities entities;
    const RegionModel& model = region();
    const auto home_of = [&](const NetworkInterfaceRecord& interface) -> HostId {
      if (!interface.attachment || interface.attachment->status == AttachmentStatus::kDetaching) return {};
      return model.find<InstanceRecord>(interface.attachment->instance)->host;
    };
    const auto serves = [&](const VpcId& vpc, const HostId& whose) {
      for (const auto& [id, interface] : model.table<NetworkInterfaceRecord>()) {
        const HostId home = home_of(interface);
        if (interface.vpc == vpc && (home == whose || (home.empty() && whose.text() == kLocalHostName)))
          return true;
      }
      return false;
    };
    for (const auto& [vpc_id, vpc] : model.table<VpcRecord>()) {
      if (!serves(vpc_id, host)) continue;
      keep(entities, program_of(model, vpc));
      for (const auto& [id, subnet] : model.table<SubnetRecord>())
        if (subnet.vpc == vpc_id) keep(entities, program_of(model, subnet));
      for (const auto& [id, group] : model.table<SecurityGroupRecord>())
        if (group.vpc == vpc_id) keep(entities, program_of(model, group));
      for (const auto& [id, interface] : model.table<NetworkInterfaceRecord>()) {
        if (interface.vpc != vpc_id) continue;
        contract::InterfaceProgram program = program_of(model, interface);
        const Host* home = plane_->hosts().find(program.host);
        if (home != nullptr && program.host != host)
          keep(entities,
               contract::HostProgram{.id = program.host,
                                     .underlay_address = home->description.underlay_address,
                                     .pair_key = {host.text().size() + program.host.text().size(), 7}});
        if (program.host == host) program.host = {};
        keep(entities, program);
      }
    }
    for (const auto& [id, record] : model.table<InstanceRecord>()) {
      const std::string home = record.host.empty() ? kLocalHostName : record.host.text();
      const auto program = program_of(kAccount, model, record);
      if (home == host.text() && program) keep(entities, *program);
    }
    return entities;
  }
  Entities fresh_snapshot(const HostId& host) {
    Entities entities;
    plane_->snapshot_for(host, [&](Result<contract::CardSnapshot> snapshot) {
      ASSERT_TRUE(snapshot);
      EXPECT_EQ(snapshot->revision, machine(host.text()).card.revision);
      for (contract::Entity& entity : snapshot->entities) keep(entities, std::move(entity));
    });
    executor_->run();
    return entities;
  }
  void check_all() {
    for (const auto& [id, host] : plane_->hosts().all()) {
      if (host.card == nullptr) continue;
      const Entities expected = reference(id);
      EXPECT_TRUE(machine(id.text()).card.entities == expected) << id.text() << " by its deltas";
      EXPECT_TRUE(fresh_snapshot(id) == expected) << id.text() << " by a snapshot";
    }
  }

  template <class Record>
  std::optional<typename Record::Id> any(Random& random) {
    const auto& table = region().table<Record>();
    if (table.empty()) return std::nullopt;
    auto place = table.begin();
    std::advance(place, static_cast<std::ptrdiff_t>(random.below(table.size())));
    return place->first;
  }
  void make_vpc() {
    call([&](Transaction& transaction) -> Result<void> {
      const VpcId vpc =
          create_vpc(transaction, {.cidr_block = Ipv4Prefix::parse("10.0.0.0/16").value(), .tags = {}});
      create_subnet(transaction, {.vpc = vpc,
                                  .cidr_block = Ipv4Prefix::parse("10.0.1.0/24").value(),
                                  .availability_zone = "us-east-1a",
                                  .availability_zone_id = "use1-az1",
                                  .tags = {}});
      return {};
    });
  }
  void delete_vpc(const VpcId& id) {
    call([&](Transaction& transaction) -> Result<void> {
      std::vector<SubnetId> subnets;
      for (const SubnetId& subnet : transaction.region().subnets_of(id)) {
        if (!transaction.region().interfaces_in(subnet).empty())
          return vpc::ec2_failure("DependencyViolation", "");
        subnets.push_back(subnet);
      }
      std::vector<SecurityGroupId> groups;
      for (const auto& [group_id, group] : transaction.table<SecurityGroupRecord>())
        if (group.vpc == id) groups.push_back(group_id);
      for (const SubnetId& subnet : subnets) transaction.erase<SubnetRecord>(subnet);
      for (const SecurityGroupId& group : groups) transaction.erase<SecurityGroupRecord>(group);
      transaction.erase<VpcRecord>(id);
      return {};
    });
  }
  void change_group(const SecurityGroupId& id) {
    call([&](Transaction& transaction) -> Result<void> {
      SecurityGroupRecord group = *transaction.find<SecurityGroupRecord>(id);
      group.rules.push_back(allow_all(transaction, false, Ipv4Prefix{}));
      transaction.put(std::move(group));
      return {};
    });
  }
  void delete_interface(const NetworkInterfaceId& id) {
    call([&](Transaction& transaction) { return delete_network_interface(transaction, id); });
  }

  void on_instances(Random& random, std::uint64_t what) {
    const auto id = any<InstanceRecord>(random);
    if (!id) return;
    if (what < 3) stop(*id);
    if (what >= 3 && what < 6) start_instance(*id);
    if (what == 6) terminate(*id);
  }
  void on_interfaces(Random& random, std::uint64_t what) {
    const auto id = any<NetworkInterfaceRecord>(random);
    const auto instance = any<InstanceRecord>(random);
    if (!id || !instance) return;
    const auto attachment = region().find<NetworkInterfaceRecord>(*id)->attachment;
    if (attachment && what < 5) {
      detach(attachment->id, random.below(2) == 0);
    } else if (what < 8) {
      attach(*id, *instance, 1 + static_cast<std::int32_t>(random.below(3)));
    } else {
      delete_interface(*id);
    }
  }
  void on_hosts(Random& random, std::uint64_t what) {
    const int number = 2 + static_cast<int>(random.below(kHosts - 1));
    const std::string name = "host-" + std::to_string(number);
    if (what < 2) {
      lose(name);
    } else if (what < 5) {
      join(number);
    } else if (what == 5) {
      lose(name);
      replace_machine(name);
      join(number);
    } else if (what == 6) {
      lose(name);
      plane_->forget_host(HostId::trusted(name), [](const Result<void>&) {});
      executor_->run();
    } else {
      HostDescription other = described(number);
      other.underlay_address.value += 256 * static_cast<std::uint32_t>(random.below(3));
      join(other);
    }
    executor_->let_time_pass();
  }
  void step(Random& random) {
    const std::uint64_t what = random.below(20);
    SCOPED_TRACE(fmt::format("what {}", what));
    if (const auto subnet = any<SubnetRecord>(random)) subnet_ = *subnet;
    if (what < 4) launch();
    if (what >= 4 && what < 7) on_instances(random, random.below(7));
    if (what == 7 || what == 8) make_interface();
    if (what >= 9 && what < 13) on_interfaces(random, random.below(10));
    if (what == 13) make_vpc();
    if (what == 14) delete_vpc(any<VpcRecord>(random).value());
    if (what == 15) change_group(any<SecurityGroupRecord>(random).value());
    if (what >= 16) on_hosts(random, random.below(9));
    check_all();
  }

  static constexpr const char* kAccount = "000000000000";
};

TEST_F(CardFeedsTest, deltas_and_snapshots_and_records_say_the_same) {
  launch();
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Random random(seed);
    for (int count = 0; count < 120 && !HasFailure(); ++count) {
      SCOPED_TRACE(fmt::format("seed {} step {}", seed, count));
      step(random);
    }
  }
}

TEST_F(CardFeedsTest, what_did_not_change_is_no_news) {
  launch();
  const std::uint64_t before = machine("host-1").card.revision;
  call([&](Transaction& transaction) -> Result<void> {
    for (const auto& [id, vpc] : transaction.table<VpcRecord>()) transaction.put(VpcRecord(vpc));
    return {};
  });
  EXPECT_EQ(machine("host-1").card.revision, before);
}

TEST_F(CardFeedsTest, every_vpc_has_its_own_number_over_all_regions) {
  for (const char* name : {"us-east-1", "eu-west-1", "eu-central-1"}) {
    plane_->submit(name, [](Transaction&) { return true; }, [](const Result<void>&) {});
    executor_->run();
  }
  std::set<std::int32_t> numbers;
  std::size_t vpcs = 0;
  plane_->inspect([&](const ControlPlane::Regions& regions, store::Revision) {
    for (const auto& [name, model] : regions)
      for (const auto& [id, vpc] : model->table<VpcRecord>()) {
        ++vpcs;
        numbers.insert(vpc.vni);
      }
  });
  executor_->run();
  EXPECT_EQ(vpcs, 3u);
  EXPECT_EQ(numbers.size(), vpcs);
  EXPECT_GT(*numbers.begin(), 0);
  EXPECT_LE(*numbers.rbegin(), kVniMax);
}

}  // namespace
}  // namespace enid::control
