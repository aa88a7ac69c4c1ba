// Instance types and where they are offered: in every zone.
#include <fmt/format.h>

#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "vpc/ec2_error.h"
#include "vpc/instance_types.h"
#include "vpc/network_card.h"
#include "vpc/regions.h"

namespace enid::api::ec2 {
namespace {

using vpc::ec2_failure;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  return parts;
}

std::string_view support(vpc::Support support) {
  switch (support) {
    case vpc::Support::kUnsupported:
      return "unsupported";
    case vpc::Support::kSupported:
      return "supported";
    case vpc::Support::kRequired:
      return "required";
  }
  return "";
}

std::vector<NetworkCardInfo> network_cards(const vpc::InstanceType& type) {
  std::vector<NetworkCardInfo> cards;
  for (const vpc::NetworkCard& facts : vpc::network_cards_of(type)) {
    NetworkCardInfo& card = cards.emplace_back();
    card.network_card_index = facts.index;
    card.network_performance = type.network_performance;
    card.maximum_network_interfaces = facts.max_interfaces;
    card.baseline_bandwidth_in_gbps = facts.baseline_gbps;
    card.peak_bandwidth_in_gbps = facts.peak_gbps;
    card.interface_types = split(facts.interface_types, '+');
    card.default_ena_queue_count_per_interface = facts.default_ena_queues;
  }
  return cards;
}

NetworkInfo network_info(const vpc::InstanceType& type) {
  NetworkInfo info;
  info.network_performance = type.network_performance;
  info.maximum_network_interfaces = type.max_enis;
  info.maximum_network_cards = type.network_cards;
  info.default_network_card_index = type.default_card;
  info.network_cards = network_cards(type);
  info.ipv4_addresses_per_interface = type.ipv4_per_eni;
  info.ipv6_addresses_per_interface = type.ipv6_per_eni;
  info.ipv6_supported = type.ipv6_per_eni > 0;
  info.ena_support = support(type.ena);
  info.ena_srd_supported = type.ena_express;
  info.efa_supported = type.max_efa_interfaces > 0;
  if (type.max_efa_interfaces > 0) info.efa_info = EfaInfo{.maximum_efa_interfaces = type.max_efa_interfaces};
  info.encryption_in_transit_supported = type.encryption_in_transit;
  info.connection_tracking_configuration =
      DefaultConnectionTrackingConfiguration{.default_tcp_established_timeout = type.tcp_established_timeout,
                                             .default_udp_timeout = type.udp_timeout,
                                             .default_udp_stream_timeout = type.udp_stream_timeout};
  return info;
}

VCpuInfo vcpu_info(const vpc::InstanceType& type) {
  const std::int32_t threads = type.vcpus % 2 == 0 ? 2 : 1;
  VCpuInfo info;
  info.default_v_cpus = type.vcpus;
  info.default_cores = type.vcpus / threads;
  info.default_threads_per_core = threads;
  return info;
}

InstanceTypeInfo describe(const vpc::InstanceType& type) {
  InstanceTypeInfo shape;
  shape.instance_type = type.name;
  shape.current_generation = type.current_generation;
  shape.free_tier_eligible = type.name == "t2.micro" || type.name == "t3.micro";
  shape.bare_metal = type.bare_metal;
  if (!type.hypervisor.empty()) shape.hypervisor = type.hypervisor;
  shape.supported_usage_classes = {"on-demand", "spot"};
  shape.supported_root_device_types = {"ebs"};
  shape.supported_virtualization_types = {"hvm"};
  shape.processor_info = ProcessorInfo{.supported_architectures = split(type.architectures, '+')};
  shape.v_cpu_info = vcpu_info(type);
  shape.memory_info = MemoryInfo{.size_in_mi_b = type.memory_mib};
  shape.network_info = network_info(type);
  shape.placement_group_info =
      PlacementGroupInfo{.supported_strategies = split(type.placement_strategies, '+')};
  shape.burstable_performance_supported = type.name.starts_with("t");
  shape.supported_boot_modes = {"legacy-bios", "uefi"};
  return shape;
}

void filter_network(const vpc::InstanceType& type, std::string_view name, FilterValues& values) {
  if (name == "network-info.efa-supported") values.add(type.max_efa_interfaces > 0);
  if (name == "network-info.efa-info.maximum-efa-interfaces") values.add(type.max_efa_interfaces);
  if (name == "network-info.ena-srd-supported") values.add(type.ena_express);
  if (name == "network-info.ena-support") values.add(support(type.ena));
  if (name == "network-info.encryption-in-transit-supported") values.add(type.encryption_in_transit);
  if (name == "network-info.ipv4-addresses-per-interface") values.add(type.ipv4_per_eni);
  if (name == "network-info.ipv6-addresses-per-interface") values.add(type.ipv6_per_eni);
  if (name == "network-info.ipv6-supported") values.add(type.ipv6_per_eni > 0);
  if (name == "network-info.maximum-network-cards") values.add(type.network_cards);
  if (name == "network-info.maximum-network-interfaces") values.add(type.max_enis);
  if (name == "network-info.network-performance") values.add(type.network_performance);
}

void filter_values(const vpc::InstanceType& type, std::string_view name, FilterValues& values) {
  if (name == "bare-metal") values.add(type.bare_metal);
  if (name == "burstable-performance-supported") values.add(type.name.starts_with("t"));
  if (name == "current-generation") values.add(type.current_generation);
  if (name == "free-tier-eligible") values.add(type.name == "t2.micro" || type.name == "t3.micro");
  if (name == "hypervisor" && !type.hypervisor.empty()) values.add(type.hypervisor);
  if (name == "instance-type") values.add(type.name);
  if (name == "memory-info.size-in-mib") values.add(type.memory_mib);
  if (name == "vcpu-info.default-vcpus") values.add(type.vcpus);
  if (name == "processor-info.supported-architecture")
    for (const std::string& architecture : split(type.architectures, '+')) values.add(architecture);
  if (name == "supported-root-device-type") values.add("ebs");
  if (name == "supported-usage-class") values.add("on-demand");
  if (name == "supported-virtualization-type") values.add("hvm");
  filter_network(type, name, values);
}

Result<DescribeInstanceTypesResult> describe_instance_types(CallContext&,
                                                            const DescribeInstanceTypesRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeInstanceTypes", request.filters));
  std::vector<const vpc::InstanceType*> found;
  const auto consider = [&](const vpc::InstanceType& type) {
    const auto values = [&](std::string_view name, FilterValues& to) { filter_values(type, name, to); };
    if (filters.match(values)) found.push_back(&type);
  };
  for (const std::string& name : request.instance_types) {
    const vpc::InstanceType* type = vpc::find_instance_type(name);
    if (type == nullptr)
      return ec2_failure("InvalidInstanceType",
                         fmt::format("The following supplied instance types do not exist: [{}]", name));
    consider(*type);
  }
  if (request.instance_types.empty())
    for (const vpc::InstanceType& type : vpc::instance_types()) consider(type);
  // Documented: at most 100 a page when the caller does not say.
  const auto page_size = request.instance_types.empty() ? request.max_results.value_or(100) : 0;
  auto page = TRY(paginate(
      std::move(found), [](const vpc::InstanceType* type) { return type->name; },
      page_size > 0 ? std::optional(page_size) : std::nullopt, request.next_token));
  DescribeInstanceTypesResult result;
  result.next_token = std::move(page.next_token);
  for (const vpc::InstanceType* type : page.items) result.instance_types.push_back(describe(*type));
  return result;
}

std::vector<std::string_view> locations(const CallContext& context, std::string_view location_type) {
  if (location_type == "region") return {context.region};
  std::vector<std::string_view> zones;
  for (const vpc::AvailabilityZone& zone : vpc::find_region(context.region)->availability_zones)
    zones.push_back(location_type == "availability-zone" ? zone.name : zone.id);
  return zones;
}

Result<DescribeInstanceTypeOfferingsResult> describe_instance_type_offerings(
    CallContext& context, const DescribeInstanceTypeOfferingsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeInstanceTypeOfferings", request.filters));
  const std::string location_type = request.location_type.value_or("region");
  std::vector<InstanceTypeOffering> found;
  for (const vpc::InstanceType& type : vpc::instance_types()) {
    for (const std::string_view location : locations(context, location_type)) {
      const auto values = [&](std::string_view name, FilterValues& to) {
        if (name == "instance-type") to.add(type.name);
        if (name == "location") to.add(location);
      };
      if (filters.match(values))
        found.push_back({std::string(type.name), location_type, std::string(location)});
    }
  }
  auto page = TRY(paginate(
      std::move(found),
      [](const InstanceTypeOffering& offering) { return *offering.instance_type + *offering.location; },
      request.max_results.value_or(1000), request.next_token));
  DescribeInstanceTypeOfferingsResult result;
  result.next_token = std::move(page.next_token);
  result.instance_type_offerings = std::move(page.items);
  return result;
}

}  // namespace

void add_instance_type_operations(OperationTable& table) {
  table.add<operations::DescribeInstanceTypes>(describe_instance_types, OperationKind::kRead);
  table.add<operations::DescribeInstanceTypeOfferings>(describe_instance_type_offerings,
                                                       OperationKind::kRead);
}

}  // namespace enid::api::ec2
