// ENA Express as the API tells it: on an attachment, by the instance's type, gone with the attachment.
#include <map>

#include "api/ec2/handler_story.h"
#include "control/card_programs.h"
#include "control/instance_lifecycle.h"

namespace enid::api::ec2 {
namespace {

constexpr const char* kAble = "c6i.8xlarge";
constexpr const char* kUnable = "t3.small";

EnaSrdSpecification settings(std::optional<bool> enabled, std::optional<bool> udp_enabled) {
  EnaSrdSpecification specification;
  specification.ena_srd_enabled = enabled;
  if (udp_enabled) specification.ena_srd_udp_specification.emplace().ena_srd_udp_enabled = udp_enabled;
  return specification;
}

class EnaExpress : public HandlerStory {
 protected:
  Result<Reservation> launch_with(const std::string& type, std::optional<bool> enabled = {},
                                  std::optional<bool> udp_enabled = {}) {
    RunInstancesRequest request;
    request.image_id = "ami-0e1d0000000000001";
    request.instance_type = type;
    request.min_count = request.max_count = 1;
    auto& interface = request.network_interfaces.emplace_back();
    interface.device_index = 0;
    interface.subnet_id = subnet_;
    if (enabled || udp_enabled) {
      auto& specification = interface.ena_srd_specification.emplace();
      specification.ena_srd_enabled = enabled;
      if (udp_enabled) specification.ena_srd_udp_specification.emplace().ena_srd_udp_enabled = udp_enabled;
    }
    return call<operations::RunInstances>(request);
  }
  std::string launch(const std::string& type) {
    const std::string id = *launch_with(type).value().instances[0].instance_id;
    change([&](control::Transaction& transaction) {
      control::record_outcome(
          transaction, {.kind = control::RuntimeActionKind::kStart, .instance = InstanceId::trusted(id)}, {});
    });
    return id;
  }
  std::string make_interface() {
    CreateNetworkInterfaceRequest request;
    request.subnet_id = subnet_;
    return *call<operations::CreateNetworkInterface>(request).value().network_interface->network_interface_id;
  }
  AttachNetworkInterfaceRequest attachment(const std::string& interface, const std::string& instance) {
    AttachNetworkInterfaceRequest request;
    request.network_interface_id = interface;
    request.instance_id = instance;
    request.device_index = 1;
    return request;
  }
  std::string modify(const std::string& interface, std::optional<bool> enabled,
                     std::optional<bool> udp_enabled) {
    ModifyNetworkInterfaceAttributeRequest request;
    request.network_interface_id = interface;
    request.ena_srd_specification = settings(enabled, udp_enabled);
    return code_of<operations::ModifyNetworkInterfaceAttribute>(request);
  }
  // "on udp-off", or "" when nothing is said.
  template <class Attachment>
  static std::string words(const std::optional<Attachment>& attachment) {
    if (!attachment || !attachment->ena_srd_specification) return "";
    const auto& told = *attachment->ena_srd_specification;
    return std::string(*told.ena_srd_enabled ? "on" : "off") +
           (*told.ena_srd_udp_specification->ena_srd_udp_enabled ? " udp-on" : " udp-off");
  }
  std::string told(const std::string& interface) {
    return words(call<operations::DescribeNetworkInterfaces>({.network_interface_ids = {interface}})
                     .value()
                     .network_interfaces.at(0)
                     .attachment);
  }
  contract::EnaExpress sent_to_card(const std::string& interface) {
    const auto* record =
        region_.find<control::NetworkInterfaceRecord>(NetworkInterfaceId::trusted(interface));
    return control::program_of(region_, *record).ena_express;
  }
  std::string primary_of(const std::string& instance) {
    return region_.interfaces_of(InstanceId::trusted(instance)).at(0)->id.text();
  }

  const std::string subnet_ = make_subnet(make_vpc(), "10.0.1.0/24");
};

TEST_F(EnaExpress, is_said_at_launch_and_answered_with_the_interface_and_with_the_instance) {
  const auto reservation = launch_with(kAble, true, true);
  ASSERT_TRUE(reservation) << reservation.error().message;
  const Instance& instance = reservation->instances.at(0);
  EXPECT_EQ(words(instance.network_interfaces.at(0).attachment), "on udp-on");
  const std::string interface = primary_of(*instance.instance_id);
  EXPECT_EQ(told(interface), "on udp-on");

  DescribeNetworkInterfaceAttributeRequest request;
  request.network_interface_id = interface;
  request.attribute = "attachment";
  EXPECT_EQ(words(call<operations::DescribeNetworkInterfaceAttribute>(request)->attachment), "on udp-on");
  EXPECT_EQ(sent_to_card(interface), (contract::EnaExpress{true, true, true}));
}

TEST_F(EnaExpress, is_off_until_somebody_asks_for_it) {
  const std::string interface = primary_of(launch(kAble));
  EXPECT_EQ(told(interface), "off udp-off");
  EXPECT_EQ(modify(interface, true, {}), "");
  EXPECT_EQ(told(interface), "on udp-off");
  EXPECT_EQ(modify(interface, {}, true), "");
  EXPECT_EQ(told(interface), "on udp-on");
}

TEST_F(EnaExpress, keeps_what_was_said_of_udp_when_it_is_turned_off) {
  const std::string interface = primary_of(launch(kAble));
  ASSERT_EQ(modify(interface, true, true), "");
  EXPECT_EQ(modify(interface, false, {}), "");
  EXPECT_EQ(told(interface), "off udp-on");
  EXPECT_EQ(modify(interface, {}, false), "");
  EXPECT_EQ(told(interface), "off udp-off");
}

TEST_F(EnaExpress, must_be_on_for_udp_to_be_asked_for) {
  const std::string instance = launch(kAble);
  EXPECT_EQ(modify(primary_of(instance), {}, true), "InvalidParameterCombination");
  EXPECT_EQ(modify(primary_of(instance), false, true), "InvalidParameterCombination");
  auto attach = attachment(make_interface(), instance);
  attach.ena_srd_specification = settings({}, true);
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attach), "InvalidParameterCombination");
  EXPECT_EQ(vpc::ec2_code(launch_with(kAble, {}, true).error()), "InvalidParameterCombination");
}

TEST_F(EnaExpress, is_refused_for_types_that_do_not_have_it) {
  const std::string instance = launch(kUnable);
  EXPECT_EQ(told(primary_of(instance)), "");
  EXPECT_EQ(modify(primary_of(instance), true, {}), "UnsupportedOperation");
  EXPECT_EQ(modify(primary_of(instance), false, {}), "");
  auto attach = attachment(make_interface(), instance);
  attach.ena_srd_specification = settings(true, {});
  EXPECT_EQ(code_of<operations::AttachNetworkInterface>(attach), "UnsupportedOperation");
  const auto refused = launch_with(kUnable, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(vpc::ec2_code(refused.error()), "UnsupportedOperation");
  EXPECT_EQ(refused.error().message, "ENA Express is not supported for the instance type t3.small.");
}

TEST_F(EnaExpress, is_lost_when_the_interface_is_detached) {
  const std::string interface = make_interface(), instance = launch(kAble);
  EXPECT_EQ(modify(interface, true, {}), "InvalidParameterCombination") << "not attached";
  auto attach = attachment(interface, instance);
  attach.ena_srd_specification = settings(true, true);
  const auto attached = call<operations::AttachNetworkInterface>(attach);
  ASSERT_TRUE(attached) << attached.error().message;
  EXPECT_EQ(told(interface), "on udp-on");

  ASSERT_EQ(code_of<operations::DetachNetworkInterface>({.attachment_id = attached->attachment_id}), "");
  EXPECT_EQ(modify(interface, false, {}), "InvalidParameterCombination") << "detaching";
  change([&](control::Transaction& transaction) {
    control::record_outcome(transaction,
                            {.kind = control::RuntimeActionKind::kDetach,
                             .instance = InstanceId::trusted(instance),
                             .interface = NetworkInterfaceId::trusted(interface),
                             .attachment = AttachmentId::trusted(*attached->attachment_id)},
                            {});
  });
  EXPECT_EQ(told(interface), "");
  EXPECT_EQ(sent_to_card(interface), contract::EnaExpress{});
  attach.ena_srd_specification.reset();
  ASSERT_EQ(code_of<operations::AttachNetworkInterface>(attach), "");
  EXPECT_EQ(told(interface), "off udp-off");
}

TEST_F(EnaExpress, stays_set_and_without_effect_when_the_instance_becomes_of_a_type_without_it) {
  const std::string instance = launch(kAble), interface = primary_of(instance);
  ASSERT_EQ(modify(interface, true, {}), "");
  change([&](control::Transaction& transaction) {
    auto record = *transaction.find<control::InstanceRecord>(InstanceId::trusted(instance));
    record.state = control::InstanceState::kStopped;
    transaction.put(record);
  });
  ModifyInstanceAttributeRequest request;
  request.instance_id = instance;
  request.instance_type = AttributeValue{.value = kUnable};
  ASSERT_EQ(code_of<operations::ModifyInstanceAttribute>(request), "");
  EXPECT_EQ(told(interface), "on udp-off");
  EXPECT_EQ(sent_to_card(interface), (contract::EnaExpress{true, false, false}));
}

TEST_F(EnaExpress, is_a_property_of_instance_types_that_they_can_be_searched_by) {
  const auto types = [&](const char* value) {
    DescribeInstanceTypesRequest request;
    request.filters = {filter("network-info.ena-srd-supported", {value}),
                       filter("instance-type", {kAble, kUnable, "c6i.large"})};
    const auto answer = call<operations::DescribeInstanceTypes>(request).value();
    std::map<std::string, bool> found;
    for (const InstanceTypeInfo& type : answer.instance_types)
      found[*type.instance_type] = *type.network_info->ena_srd_supported;
    return found;
  };
  EXPECT_EQ(types("true"), (std::map<std::string, bool>{{kAble, true}}));
  EXPECT_EQ(types("false"), (std::map<std::string, bool>{{kUnable, false}, {"c6i.large", false}}));
}

}  // namespace
}  // namespace enid::api::ec2
