// A control plane with this machine's host and others that tests let come and go, for stories on hosts.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/control_plane.h"
#include "control/operations/instances.h"
#include "control/operations/network_interfaces.h"
#include "control/operations/vpcs.h"
#include "control/testing/control_plane_parts.h"
#include "store/memory/memory_store.h"
#include "vpc/ec2_error.h"

namespace enid::control::testing {

struct Machine {
  KeepingCard card;
  WillingRuntime runtime;
};

// What an instance asks for of its placement.
struct Wish {
  std::string placement_group = {};
  std::int32_t partition_number = 0;
  std::string host = {};
};

class SeveralHosts : public ::testing::Test {
 protected:
  SeveralHosts() { start(); }

  // A new daemon over the same store; the machine of host-1 runs on, all others have to join again.
  void start(bool with_local_host = true) {
    executor_ = std::make_unique<HandExecutor>();
    Machine& local = machine("host-1");
    plane_ = std::make_unique<ControlPlane>(
        ControlPlane::Parts{.store = *store_,
                            .card = with_local_host ? &local.card : nullptr,
                            .runtime = with_local_host ? &local.runtime : nullptr,
                            .executor = *executor_},
        ControlPlaneOptions{.seed = ++starts_,
                            .local_host = {.underlay_address = Ipv4Address{0x0A630001}},
                            .pair_key = [](const HostId& a, const HostId& b) {
                              return contract::PairKey{a.text().size() + b.text().size(), 7};
                            }});
    const Result<void> recovered = plane_->recover();
    EXPECT_TRUE(recovered) << recovered.error().message;
    executor_->run();
  }

  Machine& machine(const std::string& host) {
    auto& place = machines_[host];
    if (place == nullptr) place = std::make_unique<Machine>();
    return *place;
  }
  // Another card and runtime in its place, as after a restart of its agent.
  void replace_machine(const std::string& host) { machines_[host] = std::make_unique<Machine>(); }

  // "" or why it may not join.
  std::string join(HostDescription description) {
    Machine& at = machine(description.id.text());
    at.card.answers = at.runtime.answers = true;
    std::string why = "no answer";
    plane_->join_host(std::move(description), at.card, at.runtime,
                      [&](const Result<void>& result) { why = result ? "" : result.error().message; });
    executor_->run();
    return why;
  }
  std::string join(int number) { return join(described(number)); }
  static HostDescription described(int number) {
    return {.id = HostId::trusted("host-" + std::to_string(number)),
            .underlay_address = Ipv4Address{0x0A630000 + static_cast<std::uint32_t>(number)},
            .network_cards = {.network_cards = 1, .virtual_functions_per_card = 8},
            .underlay_mtu = 9100};
  }
  void lose(const std::string& host) {
    machine(host).card.answers = machine(host).runtime.answers = false;
    plane_->host_lost(HostId::trusted(host));
    executor_->run();
  }

  // "" when the call is done, EC2's code when it is refused, "waits" when there is no answer yet.
  std::string call(const std::function<Result<void>(Transaction&)>& work) {
    auto code = std::make_shared<std::string>("waits");
    plane_->submit(
        kRegion,
        [code, work](Transaction& transaction) {
          const Result<void> result = work(transaction);
          if (!result) *code = vpc::ec2_code(result.error());
          return result.has_value();
        },
        [code](const Result<void>& result) {
          if (!result) *code = vpc::ec2_code(result.error());
          if (*code == "waits") *code = "";
        });
    executor_->run();
    last_code_ = code;
    return *code;
  }
  // Of the last call, which may have been answered since.
  const std::string& last_code() const { return *last_code_; }

  // Ids of new instances go to launched_.
  std::string launch(const Wish& wish = {}, std::int32_t count = 1) {
    return call([&](Transaction& transaction) -> Result<void> {
      NewInstances what;
      what.prototype.placement_group = wish.placement_group;
      what.prototype.partition_number = wish.partition_number;
      what.prototype.requested_host = HostId::trusted(wish.host);
      what.prototype.instance_type = "c5.4xlarge";
      what.min_count = what.max_count = count;
      what.interfaces.resize(1);
      what.interfaces[0].fresh.subnet = subnet_.empty() ? TRY(default_subnet(transaction, "")) : subnet_;
      launched_ = TRY(run_instances(transaction, what));
      return {};
    });
  }
  InstanceId launch_on(const std::string& host) {
    EXPECT_EQ(launch({.host = host}), "");
    return launched_.front();
  }
  std::string attach(const NetworkInterfaceId& interface, const InstanceId& instance,
                     std::int32_t index = 1) {
    return call([&, instance, interface](Transaction& transaction) -> Result<void> {
      attachment_ = TRY(attach_network_interface(
          transaction, {.interface = interface, .instance = instance, .device_index = index}));
      return {};
    });
  }
  std::string detach(const AttachmentId& attachment, bool force = false) {
    return call(
        [=](Transaction& transaction) { return detach_network_interface(transaction, attachment, force); });
  }
  template <class Operation>
  std::string change(const InstanceId& instance, Operation operation) {
    return call([=](Transaction& transaction) -> Result<void> {
      TRY(operation(transaction, std::vector{instance}));
      return {};
    });
  }
  std::string stop(const InstanceId& id) {
    return change(id, [](Transaction& transaction, const std::vector<InstanceId>& ids) {
      return stop_instances(transaction, ids, false);
    });
  }
  std::string start_instance(const InstanceId& id) { return change(id, start_instances); }
  std::string terminate(const InstanceId& id) { return change(id, terminate_instances); }
  NetworkInterfaceId make_interface() {
    NetworkInterfaceId id;
    EXPECT_EQ(call([&](Transaction& transaction) -> Result<void> {
                NewNetworkInterface what;
                what.subnet = subnet_.empty() ? TRY(default_subnet(transaction, "")) : subnet_;
                id = TRY(create_network_interface(transaction, what));
                return {};
              }),
              "");
    return id;
  }

  const RegionModel& region() {
    const RegionModel* model = nullptr;
    plane_->inspect(
        [&](const ControlPlane::Regions& regions, store::Revision) { model = regions.at(kRegion).get(); });
    executor_->run();
    return *model;
  }
  const InstanceRecord& instance(const InstanceId& id) { return *region().find<InstanceRecord>(id); }
  std::string host_of(const InstanceId& id) { return instance(id).host.text(); }
  bool runs_on(const std::string& host, const InstanceId& id) {
    return machine(host).runtime.state(id) == RunState::kRunning;
  }
  const contract::InterfaceProgram* told(const std::string& host, const NetworkInterfaceId& id) {
    return machine(host).card.find<contract::InterfaceProgram>(id);
  }

  static constexpr const char* kRegion = "us-east-1";

  std::unique_ptr<store::MemoryStore> store_ = std::make_unique<store::MemoryStore>();
  std::unique_ptr<HandExecutor> executor_;
  std::map<std::string, std::unique_ptr<Machine>> machines_;
  std::unique_ptr<ControlPlane> plane_;
  std::uint64_t starts_ = 0;
  SubnetId subnet_;  // Of new interfaces; empty: a default subnet.
  std::vector<InstanceId> launched_;
  AttachmentId attachment_;
  std::shared_ptr<std::string> last_code_;
};

}  // namespace enid::control::testing
