#include "api/ec2/network_interface_requests.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "api/ec2/handler_story.h"
#include "control/instance_lifecycle.h"
#include "control/operations/vpcs.h"

namespace enid::api::ec2 {
namespace {

using control::NetworkInterfaceRecord;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class NetworkInterfaces : public HandlerStory {
 protected:
  CreateNetworkInterfaceRequest wanted() const {
    CreateNetworkInterfaceRequest request;
    request.subnet_id = subnet_;
    return request;
  }
  std::string make(const std::string& address = "") {
    CreateNetworkInterfaceRequest request = wanted();
    if (!address.empty()) request.private_ip_address = address;
    return *call<operations::CreateNetworkInterface>(request).value().network_interface->network_interface_id;
  }
  std::string launch(const std::string& type, const std::string& subnet) {
    RunInstancesRequest request;
    request.image_id = "ami-0e1d0000000000001";
    request.instance_type = type;
    request.min_count = request.max_count = 1;
    request.subnet_id = subnet;
    const std::string id = *call<operations::RunInstances>(request).value().instances[0].instance_id;
    change([&](control::Transaction& transaction) {
      control::record_outcome(
          transaction, {.kind = control::RuntimeActionKind::kStart, .instance = InstanceId::trusted(id)}, {});
    });
    return id;
  }
  AttachNetworkInterfaceRequest attachment(const std::string& interface, const std::string& instance,
                                           std::int32_t index) {
    AttachNetworkInterfaceRequest request;
    request.network_interface_id = interface;
    request.instance_id = instance;
    request.device_index = index;
    return request;
  }
  AssignPrivateIpAddressesRequest assignment(const std::string& interface,
                                             std::vector<std::string> addresses = {}) {
    AssignPrivateIpAddressesRequest request;
    request.network_interface_id = interface;
    request.private_ip_addresses = std::move(addresses);
    return request;
  }
  const NetworkInterfaceRecord& record(const std::string& id) {
    return *region_.find<NetworkInterfaceRecord>(NetworkInterfaceId::trusted(id));
  }
  NetworkInterface shown(const std::string& id) {
    return call<operations::DescribeNetworkInterfaces>({.network_interface_ids = {id}})
        .value()
        .network_interfaces.at(0);
  }

  const std::string vpc_ = make_vpc();
  const std::string subnet_ = make_subnet(vpc_, "10.0.1.0/24");
  static constexpr const char* kNobody = "eni-00000000000000000";
};

using Create = std::function<void(CreateNetworkInterfaceRequest&)>;

TEST_F(NetworkInterfaces, are_refused_with_ec2s_codes) {
  const std::string held = make("10.0.1.50");
  std::vector<std::string> groups(6);
  for (int i = 0; i < 6; ++i) groups[i] = fmt::format("sg-0000000000000000{}", i);
  struct Row {
    const char* what;
    std::string code;
    Create create;
  };
  for (const Row& row : {
           Row{"no such subnet", "InvalidSubnetID.NotFound",
               [](auto& r) { r.subnet_id = "subnet-00000000000000000"; }},
           Row{"no subnet id", "InvalidSubnetID.NotFound", [](auto& r) { r.subnet_id = "mine"; }},
           Row{"outside", "InvalidParameterValue", [](auto& r) { r.private_ip_address = "10.0.2.5"; }},
           Row{"network", "InvalidParameterValue", [](auto& r) { r.private_ip_address = "10.0.1.0"; }},
           Row{"router", "InvalidParameterValue", [](auto& r) { r.private_ip_address = "10.0.1.1"; }},
           Row{"resolver", "InvalidParameterValue", [](auto& r) { r.private_ip_address = "10.0.1.2"; }},
           Row{"future", "InvalidParameterValue", [](auto& r) { r.private_ip_address = "10.0.1.3"; }},
           Row{"broadcast", "InvalidParameterValue", [](auto& r) { r.private_ip_address = "10.0.1.255"; }},
           Row{"first", "", [](auto& r) { r.private_ip_address = "10.0.1.4"; }},
           Row{"last", "", [](auto& r) { r.private_ip_address = "10.0.1.254"; }},
           Row{"malformed", "InvalidParameterValue", [](auto& r) { r.private_ip_address = "10.0.1"; }},
           Row{"taken", "InvalidIPAddress.InUse", [](auto& r) { r.private_ip_address = "10.0.1.50"; }},
           Row{"secondary taken", "InvalidIPAddress.InUse",
               [](auto& r) {
                 r.private_ip_addresses = {{.primary = {}, .private_ip_address = "10.0.1.50"}};
               }},
           Row{"two primaries", "InvalidParameterCombination",
               [](auto& r) {
                 r.private_ip_address = "10.0.1.60";
                 r.private_ip_addresses = {{.primary = true, .private_ip_address = "10.0.1.61"}};
               }},
           Row{"list and count", "InvalidParameterCombination",
               [](auto& r) {
                 r.private_ip_addresses = {{.primary = false, .private_ip_address = "10.0.1.61"}};
                 r.secondary_private_ip_address_count = 1;
               }},
           Row{"negative count", "InvalidParameterValue",
               [](auto& r) { r.secondary_private_ip_address_count = -1; }},
           Row{"too many", "PrivateIpAddressLimitExceeded",
               [](auto& r) { r.secondary_private_ip_address_count = 64; }},
           Row{"prefix and count", "InvalidParameterCombination",
               [](auto& r) {
                 r.ipv4_prefixes = {{.ipv4_prefix = "10.0.1.64/28"}};
                 r.ipv4_prefix_count = 1;
               }},
           Row{"prefix and addresses", "InvalidParameterCombination",
               [](auto& r) {
                 r.ipv4_prefix_count = 1;
                 r.secondary_private_ip_address_count = 1;
               }},
           Row{"prefix length", "InvalidParameterValue",
               [](auto& r) { r.ipv4_prefixes = {{.ipv4_prefix = "10.0.1.64/27"}}; }},
           Row{"prefix outside", "InvalidParameterValue",
               [](auto& r) { r.ipv4_prefixes = {{.ipv4_prefix = "10.0.2.64/28"}}; }},
           Row{"prefix of bits", "InvalidParameterValue",
               [](auto& r) { r.ipv4_prefixes = {{.ipv4_prefix = "10.0.1.65/28"}}; }},
           Row{"prefix reserved", "InvalidParameterValue",
               [](auto& r) { r.ipv4_prefixes = {{.ipv4_prefix = "10.0.1.0/28"}}; }},
           Row{"prefix reserved at the end", "InvalidParameterValue",
               [](auto& r) { r.ipv4_prefixes = {{.ipv4_prefix = "10.0.1.240/28"}}; }},
           Row{"prefix taken", "InvalidIPAddress.InUse",
               [](auto& r) { r.ipv4_prefixes = {{.ipv4_prefix = "10.0.1.48/28"}}; }},
           Row{"unknown group", "InvalidGroup.NotFound",
               [](auto& r) { r.groups = {"sg-00000000000000000"}; }},
           Row{"malformed group", "InvalidGroupId.Malformed", [](auto& r) { r.groups = {"web"}; }},
           Row{"six groups", "SecurityGroupsPerInterfaceLimitExceeded", [&](auto& r) { r.groups = groups; }},
           Row{"group elsewhere", "InvalidParameterValue",
               [&](auto& r) {
                 r.groups = {region_.group_named(control::default_vpc(region_)->id, "default")->id.text()};
               }},
           Row{"efa", "InvalidParameterValue", [](auto& r) { r.interface_type = "efa"; }},
           Row{"ipv6", "InvalidParameterCombination", [](auto& r) { r.ipv6_address_count = 1; }},
           Row{"timeout", "InvalidParameterValue",
               [](auto& r) { r.connection_tracking_specification.emplace().tcp_established_timeout = 59; }},
       }) {
    CreateNetworkInterfaceRequest request = wanted();
    row.create(request);
    EXPECT_EQ(code_of<operations::CreateNetworkInterface>(request), row.code) << row.what;
  }
}

TEST_F(NetworkInterfaces, are_pending_in_the_answer_and_available_afterwards) {
  CreateNetworkInterfaceRequest request = wanted();
  request.description = "eth1";
  request.private_ip_address = "10.0.1.9";
  const auto made = call<operations::CreateNetworkInterface>(request)->network_interface;
  EXPECT_EQ(made->status, "pending");
  const NetworkInterface described = shown(*made->network_interface_id);
  EXPECT_EQ(described.status, "available");
  EXPECT_EQ(described.source_dest_check, true);
  EXPECT_EQ(described.private_dns_name, "ip-10-0-1-9.ec2.internal");
  EXPECT_EQ(described.requester_managed, false);
  EXPECT_EQ(described.mac_address->substr(0, 3), "02:");
  ASSERT_THAT(described.groups, SizeIs(1));
  EXPECT_EQ(described.groups[0].group_name, "default");
}

TEST_F(NetworkInterfaces, fill_a_subnet_to_its_last_address) {
  const std::string small = make_subnet(vpc_, "10.0.2.0/28");
  CreateNetworkInterfaceRequest request = wanted();
  request.subnet_id = small;
  std::set<std::string> addresses;
  for (int i = 0; i < 11; ++i)
    addresses.insert(
        *call<operations::CreateNetworkInterface>(request)->network_interface->private_ip_address);
  EXPECT_THAT(addresses, SizeIs(11));
  EXPECT_EQ(code_of<operations::CreateNetworkInterface>(request), "InsufficientFreeAddressesInSubnet");
  request.subnet_id = make_subnet(vpc_, "10.0.3.0/28");
  request.ipv4_prefix_count = 1;
  EXPECT_EQ(message_of<operations::CreateNetworkInterface>(request),
            "There are not enough free cidr blocks in the specified subnet to satisfy the request.");
}

TEST_F(NetworkInterfaces, unknown_and_malformed_ids_are_told_apart) {
  EXPECT_EQ(message_of<operations::DeleteNetworkInterface>({.dry_run = {}, .network_interface_id = kNobody}),
            "The networkInterface ID 'eni-00000000000000000' does not exist");
  EXPECT_EQ(code_of<operations::DeleteNetworkInterface>({.dry_run = {}, .network_interface_id = "eni-1"}),
            "InvalidNetworkInterfaceId.Malformed");
  EXPECT_EQ(code_of<operations::DescribeNetworkInterfaces>({.network_interface_ids = {kNobody}}),
            "InvalidNetworkInterfaceID.NotFound");
  DetachNetworkInterfaceRequest detach;
  detach.attachment_id = "eni-attach-00000000000000000";
  EXPECT_EQ(code_of<operations::DetachNetworkInterface>(detach), "InvalidAttachmentID.NotFound");
  detach.attachment_id = "attachment";
  EXPECT_EQ(code_of<operations::DetachNetworkInterface>(detach),
            "InvalidNetworkInterfaceAttachmentId.Malformed");
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attachment(make(), "i-00000000000000000", 1)),
            "InvalidInstanceID.NotFound");
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attachment(make(), "instance", 1)),
            "InvalidInstanceID.Malformed");
}

TEST_F(NetworkInterfaces, attach_within_the_limits_of_the_instance_type) {
  const std::string instance = launch("t3.small", subnet_);  // 3 interfaces of 4 addresses.
  const std::string first = make();
  EXPECT_EQ(message_of<operations::AttachNetworkInterface>(attachment(first, instance, 0)),
            "Instance '" + instance + "' already has an interface attached at device index '0'.");
  for (const std::int32_t index : {-1, 256, 65'536})
    EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attachment(first, instance, index)),
              "InvalidParameterValue");
  auto other_card = attachment(first, instance, 1);
  other_card.network_card_index = 1;
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(other_card), "InvalidParameterValue");

  CreateNetworkInterfaceRequest many = wanted();
  many.secondary_private_ip_address_count = 4;
  const std::string crowded =
      *call<operations::CreateNetworkInterface>(many)->network_interface->network_interface_id;
  EXPECT_EQ(message_of<operations::AttachNetworkInterface>(attachment(crowded, instance, 1)),
            "Number of private addresses will exceed limit.");

  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attachment(first, instance, 1)), "");
  EXPECT_EQ(shown(first).attachment->delete_on_termination, false);
  EXPECT_EQ(shown(first).status, "attaching");
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attachment(first, instance, 2)),
            "InvalidNetworkInterface.InUse");
  EXPECT_EQ(code_of<operations::DeleteNetworkInterface>({.dry_run = {}, .network_interface_id = first}),
            "InvalidNetworkInterface.InUse");
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attachment(make(), instance, 2)), "");
  EXPECT_EQ(message_of<operations::AttachNetworkInterface>(attachment(make(), instance, 3)),
            "Interface count 4 exceeds the limit for t3.small");
}

TEST_F(NetworkInterfaces, attach_in_their_zone_only) {
  CreateSubnetRequest elsewhere;
  elsewhere.vpc_id = vpc_;
  elsewhere.cidr_block = "10.0.9.0/24";
  elsewhere.availability_zone =
      record(make()).availability_zone == "us-east-1b" ? "us-east-1c" : "us-east-1b";
  const std::string far = *call<operations::CreateSubnet>(elsewhere)->subnet->subnet_id;
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attachment(make(), launch("t3.small", far), 1)),
            "InvalidParameterValue");
}

TEST_F(NetworkInterfaces, of_an_instance_detach_unless_they_are_the_primary) {
  const std::string instance = launch("t3.small", subnet_);
  const auto primary = region_.interfaces_of(InstanceId::trusted(instance)).front()->attachment->id.text();
  DetachNetworkInterfaceRequest detach;
  detach.attachment_id = primary;
  detach.force = true;
  EXPECT_EQ(code_of<operations::DetachNetworkInterface>(detach), "OperationNotPermitted");
  EXPECT_EQ(message_of<operations::DetachNetworkInterface>(detach),
            "The network interface at device index 0 and networkCard index 0 cannot be detached.");
  const std::string second = make();
  detach.attachment_id =
      call<operations::AttachNetworkInterface>(attachment(second, instance, 1))->attachment_id;
  EXPECT_EQ(code_of<operations::DetachNetworkInterface>(detach), "");
  EXPECT_EQ(shown(second).status, "detaching");
  EXPECT_EQ(code_of<operations::DetachNetworkInterface>(detach), "IncorrectState");
}

TEST_F(NetworkInterfaces, take_addresses_that_are_free_and_within_limits) {
  const std::string instance = launch("t3.small", subnet_);  // 4 addresses.
  const std::string id = make("10.0.1.10"), other = make("10.0.1.20");
  ASSERT_EQ(code_of<operations::AttachNetworkInterface>(attachment(id, instance, 1)), "");
  ASSERT_EQ(code_of<operations::AssignPrivateIpAddresses>(assignment(other, {"10.0.1.21"})), "");

  auto nothing = assignment(id);
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(nothing), "MissingParameter");
  auto both = assignment(id, {"10.0.1.11"});
  both.secondary_private_ip_address_count = 1;
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(both), "InvalidParameterCombination");
  auto prefixed = assignment(id, {"10.0.1.11"});
  prefixed.ipv4_prefix_count = 1;
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(prefixed), "InvalidParameterCombination");
  auto count = assignment(id);
  count.secondary_private_ip_address_count = 4;
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(count), "PrivateIpAddressLimitExceeded");
  count.secondary_private_ip_address_count = 2;
  EXPECT_THAT(call<operations::AssignPrivateIpAddresses>(count)->assigned_private_ip_addresses, SizeIs(2));

  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(assignment(id, {"10.0.1.21"})),
            "Resource.AlreadyAssigned");
  auto taking = assignment(id, {"10.0.1.20"});
  taking.allow_reassignment = true;
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(taking), "InvalidParameterValue")
      << "a primary one";
  taking.private_ip_addresses = {"10.0.1.21"};
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(taking), "");
  EXPECT_THAT(record(other).addresses, SizeIs(1));
  EXPECT_EQ(record(id).addresses.back().text(), "10.0.1.21");
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(taking), "") << "it has that one, at the limit";
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(assignment(id, {"10.0.1.30"})),
            "PrivateIpAddressLimitExceeded");
}

TEST_F(NetworkInterfaces, refused_assignments_leave_the_holder_alone) {
  const std::string id = make("10.0.1.10"), other = make("10.0.1.20");
  ASSERT_EQ(code_of<operations::AssignPrivateIpAddresses>(assignment(other, {"10.0.1.21"})), "");
  auto taking = assignment(id, {"10.0.1.21", "10.0.1.1"});
  taking.allow_reassignment = true;
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(taking), "InvalidParameterValue");
  EXPECT_EQ(record(other).addresses.back().text(), "10.0.1.21");
  EXPECT_THAT(record(id).addresses, SizeIs(1));
}

TEST_F(NetworkInterfaces, give_up_what_they_have_but_the_primary_address) {
  const std::string id = make("10.0.1.10");
  auto prefix = assignment(id);
  prefix.ipv4_prefixes = {"10.0.1.32/28"};
  ASSERT_EQ(code_of<operations::AssignPrivateIpAddresses>(prefix), "");
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(assignment(make(), {"10.0.1.33"})),
            "Resource.AlreadyAssigned")
      << "an address of a prefix";
  UnassignPrivateIpAddressesRequest request;
  request.network_interface_id = id;
  EXPECT_EQ(code_of<operations::UnassignPrivateIpAddresses>(request), "MissingParameter");
  request.private_ip_addresses = {"10.0.1.10"};
  EXPECT_EQ(code_of<operations::UnassignPrivateIpAddresses>(request), "InvalidParameterValue");
  request.private_ip_addresses = {"10.0.1.11"};
  EXPECT_EQ(code_of<operations::UnassignPrivateIpAddresses>(request), "InvalidParameterValue");
  request.private_ip_addresses.clear();
  request.ipv4_prefixes = {"10.0.1.48/28"};
  EXPECT_EQ(code_of<operations::UnassignPrivateIpAddresses>(request), "InvalidParameterValue");
  request.ipv4_prefixes = {"10.0.1.32/28"};
  EXPECT_EQ(code_of<operations::UnassignPrivateIpAddresses>(request), "");
  EXPECT_THAT(record(id).prefixes, IsEmpty());
}

TEST_F(NetworkInterfaces, have_prefixes_on_nitro_instances_only_and_each_counts_as_an_address) {
  const std::string xen = launch("m1.small", subnet_), nitro = launch("t3.small", subnet_);
  CreateNetworkInterfaceRequest request = wanted();
  request.ipv4_prefix_count = 3;
  const std::string id =
      *call<operations::CreateNetworkInterface>(request)->network_interface->network_interface_id;
  EXPECT_THAT(shown(id).ipv4_prefixes, SizeIs(3));
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attachment(id, xen, 1)), "UnsupportedOperation");
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attachment(id, nitro, 1)), "");
  auto more = assignment(id);
  more.ipv4_prefix_count = 1;
  EXPECT_EQ(code_of<operations::AssignPrivateIpAddresses>(more), "PrivateIpAddressLimitExceeded");
}

TEST_F(NetworkInterfaces, change_one_attribute_at_a_time) {
  const std::string id = make();
  ModifyNetworkInterfaceAttributeRequest request;
  request.network_interface_id = id;
  EXPECT_EQ(code_of<operations::ModifyNetworkInterfaceAttribute>(request), "InvalidParameterCombination");
  request.description = AttributeValue{.value = "new"};
  request.source_dest_check = AttributeBooleanValue{.value = false};
  EXPECT_EQ(code_of<operations::ModifyNetworkInterfaceAttribute>(request), "InvalidParameterCombination");
  request.description.reset();
  EXPECT_EQ(code_of<operations::ModifyNetworkInterfaceAttribute>(request), "");
  EXPECT_FALSE(record(id).source_dest_check);
  ResetNetworkInterfaceAttributeRequest reset;
  reset.network_interface_id = id;
  EXPECT_EQ(code_of<operations::ResetNetworkInterfaceAttribute>(reset), "");
  EXPECT_TRUE(record(id).source_dest_check);

  request.source_dest_check.reset();
  request.attachment.emplace().delete_on_termination = true;
  EXPECT_EQ(code_of<operations::ModifyNetworkInterfaceAttribute>(request), "MissingParameter");
  request.attachment->attachment_id = "eni-attach-00000000000000000";
  EXPECT_EQ(code_of<operations::ModifyNetworkInterfaceAttribute>(request), "InvalidAttachmentID.NotFound");
  request.attachment->attachment_id =
      call<operations::AttachNetworkInterface>(attachment(id, launch("t3.small", subnet_), 1))->attachment_id;
  EXPECT_EQ(code_of<operations::ModifyNetworkInterfaceAttribute>(request), "");
  EXPECT_EQ(shown(id).attachment->delete_on_termination, true);

  ModifyNetworkInterfaceAttributeRequest groups;
  groups.network_interface_id = id;
  groups.groups = {"sg-00000000000000000"};
  EXPECT_EQ(code_of<operations::ModifyNetworkInterfaceAttribute>(groups), "InvalidGroup.NotFound");
}

TEST_F(NetworkInterfaces, are_found_by_filters) {
  const std::string id = make("10.0.1.77");
  ASSERT_EQ(code_of<operations::AssignPrivateIpAddresses>(assignment(id, {"10.0.1.78"})), "");
  const std::string instance = launch("t3.small", subnet_);
  ASSERT_EQ(code_of<operations::AttachNetworkInterface>(attachment(id, instance, 1)), "");
  make("10.0.1.99");
  for (const Filter& wanted : {
           filter("addresses.private-ip-address", {"10.0.1.78"}),
           filter("addresses.primary", {"false"}),
           filter("private-ip-address", {"10.0.1.77"}),
           filter("private-dns-name", {"ip-10-0-1-77.*"}),
           filter("attachment.device-index", {"1"}),
           filter("attachment.attachment-id", {record(id).attachment->id.text()}),
           filter("attachment.delete-on-termination", {"false"}),
           filter("mac-address", {record(id).mac.text()}),
           filter("network-interface-id", {id}),
       }) {
    const auto found = call<operations::DescribeNetworkInterfaces>({.filters = {wanted}});
    ASSERT_TRUE(found) << *wanted.name;
    ASSERT_THAT(found->network_interfaces, SizeIs(1)) << *wanted.name;
    EXPECT_EQ(found->network_interfaces[0].network_interface_id, id) << *wanted.name;
  }
  const auto found = [&](const Filter& wanted) {
    return call<operations::DescribeNetworkInterfaces>({.filters = {wanted}})->network_interfaces.size();
  };
  EXPECT_EQ(found(filter("attachment.instance-id", {instance})), 2);
  EXPECT_EQ(found(filter("status", {"available"})), 1);
  EXPECT_EQ(found(filter("subnet-id", {subnet_})), 3);
  EXPECT_EQ(found(filter("group-id", {record(id).groups.at(0).text()})), 3);
  EXPECT_EQ(found(filter("private-ip-address", {"10.0.1.78"})), 0);
  EXPECT_EQ(code_of<operations::DescribeNetworkInterfaces>({.filters = {filter("colour", {"red"})}}),
            "InvalidParameterValue");
}

TEST_F(NetworkInterfaces, are_shown_page_by_page_and_once_each) {
  std::set<std::string> made;
  for (int i = 0; i < 12; ++i) made.insert(make());
  DescribeNetworkInterfacesRequest request;
  request.max_results = 5;
  std::multiset<std::string> seen;
  std::vector<std::size_t> sizes;
  do {
    const auto page = call<operations::DescribeNetworkInterfaces>(request);
    ASSERT_TRUE(page);
    sizes.push_back(page->network_interfaces.size());
    for (const auto& one : page->network_interfaces) seen.insert(*one.network_interface_id);
    request.next_token = page->next_token;
  } while (request.next_token);
  EXPECT_THAT(sizes, ElementsAre(5, 5, 2));
  EXPECT_TRUE(std::ranges::equal(seen, made));
  const std::string& one = *made.begin();
  EXPECT_THAT(
      call<operations::DescribeNetworkInterfaces>({.network_interface_ids = {one, one}})->network_interfaces,
      SizeIs(1));
}

TEST_F(NetworkInterfaces, named_with_a_group_twice_are_in_it_once) {
  const std::string group = record(make()).groups[0].text();
  CreateNetworkInterfaceRequest request = wanted();
  request.groups = {group, group};
  const auto id = *call<operations::CreateNetworkInterface>(request)->network_interface->network_interface_id;
  change([&](control::Transaction& transaction) {
    const auto sg = SecurityGroupId::trusted(group);
    EXPECT_TRUE(control::set_security_groups(transaction, NetworkInterfaceId::trusted(id), {sg, sg}));
  });
  EXPECT_THAT(record(id).groups, SizeIs(1));
}

// What the indexes must say, by looking at every interface.
void expect_indexes(const control::RegionModel& region, const SubnetId& subnet) {
  std::map<Ipv4Address, NetworkInterfaceId> taken;
  std::set<NetworkInterfaceId> in_subnet;
  std::map<SecurityGroupId, std::set<NetworkInterfaceId>> in_groups;
  std::map<InstanceId, std::set<NetworkInterfaceId>> of_instances;
  for (const auto& [id, interface] : region.table<NetworkInterfaceRecord>()) {
    EXPECT_TRUE(region.mac_in_use(interface.mac));
    for (const SecurityGroupId& group : interface.groups) in_groups[group].insert(id);
    if (interface.attachment) {
      of_instances[interface.attachment->instance].insert(id);
      EXPECT_EQ(region.interface_with(interface.attachment->id), &interface);
    }
    if (interface.subnet != subnet) continue;
    in_subnet.insert(id);
    for (const Ipv4Address address : interface.addresses) EXPECT_TRUE(taken.emplace(address, id).second);
    for (const Ipv4Prefix& prefix : interface.prefixes)
      for (std::uint64_t i = 0; i < prefix.size(); ++i) EXPECT_TRUE(taken.emplace(prefix.at(i), id).second);
  }
  EXPECT_EQ(region.addresses_in(subnet), taken);
  EXPECT_EQ(region.addresses_taken(subnet), taken.size());
  EXPECT_EQ(region.interfaces_in(subnet), in_subnet);
  for (const auto& [id, group] : region.table<control::SecurityGroupRecord>())
    EXPECT_EQ(region.interfaces_in(id), in_groups[id]);
  for (const auto& [id, instance] : region.table<control::InstanceRecord>()) {
    std::set<NetworkInterfaceId> indexed;
    for (const auto* interface : region.interfaces_of(id)) indexed.insert(interface->id);
    EXPECT_EQ(indexed, of_instances[id]);
  }
}

class RandomCalls : public NetworkInterfaces, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(RandomCalls, keep_the_indexes_equal_to_a_slow_look_at_the_tables) {
  const std::string instances[] = {launch("c5.large", subnet_), launch("t3.small", subnet_)};
  Random random(GetParam());
  std::vector<std::string> made;
  int done = 0;
  const auto address = [&] { return fmt::format("10.0.1.{}", random.below(256)); };
  const auto call_one = [&]() -> std::string {
    if (made.empty() || random.below(5) == 0) {
      CreateNetworkInterfaceRequest request = wanted();
      if (random.below(2) == 0) request.private_ip_address = address();
      if (random.below(3) == 0) request.secondary_private_ip_address_count = random.below(3);
      const auto result = call<operations::CreateNetworkInterface>(request);
      if (result) made.push_back(*result->network_interface->network_interface_id);
      return result ? "" : "refused";
    }
    const std::string id = made[random.below(made.size())];
    switch (random.below(6)) {
      case 0: {
        auto request = assignment(id, {address(), address()});
        request.allow_reassignment = random.below(2) == 0;
        return code_of<operations::AssignPrivateIpAddresses>(request);
      }
      case 1: {
        auto request = assignment(id);
        request.ipv4_prefix_count = 1;
        if (random.below(2) == 0) {
          request.ipv4_prefix_count.reset();
          request.ipv4_prefixes = {fmt::format("10.0.1.{}/28", random.below(16) * 16)};
        }
        return code_of<operations::AssignPrivateIpAddresses>(request);
      }
      case 2: {
        UnassignPrivateIpAddressesRequest request;
        request.network_interface_id = id;
        const auto& held = record(id);
        request.private_ip_addresses = {held.addresses[random.below(held.addresses.size())].text()};
        if (!held.prefixes.empty() && random.below(2) == 0) {
          request.private_ip_addresses.clear();
          request.ipv4_prefixes = {held.prefixes.front().text()};
        }
        return code_of<operations::UnassignPrivateIpAddresses>(request);
      }
      case 3:
        return code_of<operations::AttachNetworkInterface>(
            attachment(id, instances[random.below(2)], static_cast<std::int32_t>(random.below(4))));
      case 4: {
        if (!record(id).attachment) return "nothing to detach";
        DetachNetworkInterfaceRequest request;
        request.attachment_id = record(id).attachment->id.text();
        const std::string code = code_of<operations::DetachNetworkInterface>(request);
        change([&](control::Transaction& transaction) {
          control::record_outcome(transaction,
                                  {.kind = control::RuntimeActionKind::kDetach,
                                   .instance = record(id).attachment->instance,
                                   .interface = NetworkInterfaceId::trusted(id),
                                   .attachment = record(id).attachment->id},
                                  {});
        });
        return code;
      }
      default: {
        const std::string code =
            code_of<operations::DeleteNetworkInterface>({.dry_run = {}, .network_interface_id = id});
        if (code.empty()) std::erase(made, id);
        return code;
      }
    }
  };
  for (int i = 0; i < 400; ++i) {
    done += call_one().empty() ? 1 : 0;
    expect_indexes(region_, SubnetId::trusted(subnet_));
    ASSERT_FALSE(HasFailure()) << "after " << i;
  }
  EXPECT_GT(done, 80);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCalls, ::testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace enid::api::ec2
