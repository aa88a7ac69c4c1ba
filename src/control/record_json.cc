#include "control/record_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "control/region_model.h"

namespace enid::control {
namespace {

using Json = nlohmann::json;

// The fields of each record, said once; a visitor writes them, another reads them.
template <class Deduced, class Record>
concept Is = std::is_same_v<std::remove_const_t<Deduced>, Record>;

void fields(auto& v, Is<CidrAssociation> auto& r) {
  v("id", r.id);
  v("cidr_block", r.cidr_block);
}

void fields(auto& v, Is<VpcRecord> auto& r) {
  v("id", r.id);
  v("cidr_blocks", r.cidr_blocks);
  v("is_default", r.is_default);
  v("instance_tenancy", r.instance_tenancy);
  v("dhcp_options", r.dhcp_options);
  v("enable_dns_support", r.enable_dns_support);
  v("enable_dns_hostnames", r.enable_dns_hostnames);
  v("enable_network_address_usage_metrics", r.enable_network_address_usage_metrics);
  v("vni", r.vni);
  v("tags", r.tags);
}

void fields(auto& v, Is<SubnetRecord> auto& r) {
  v("id", r.id);
  v("vpc", r.vpc);
  v("cidr_block", r.cidr_block);
  v("availability_zone", r.availability_zone);
  v("availability_zone_id", r.availability_zone_id);
  v("default_for_az", r.default_for_az);
  v("map_public_ip_on_launch", r.map_public_ip_on_launch);
  v("assign_ipv6_address_on_creation", r.assign_ipv6_address_on_creation);
  v("enable_dns64", r.enable_dns64);
  v("hostname_type", r.hostname_type);
  v("enable_resource_name_dns_a_record", r.enable_resource_name_dns_a_record);
  v("enable_resource_name_dns_aaaa_record", r.enable_resource_name_dns_aaaa_record);
  v("network_acl", r.network_acl);
  v("network_acl_association", r.network_acl_association);
  v("tags", r.tags);
}

void fields(auto& v, Is<SecurityGroupRule> auto& r) {
  v("id", r.id);
  v("is_egress", r.is_egress);
  v("protocol", r.protocol);
  v("from_port", r.from_port);
  v("to_port", r.to_port);
  v("peer", r.peer);
  v("description", r.description);
  v("tags", r.tags);
}

void fields(auto& v, Is<SecurityGroupRecord> auto& r) {
  v("id", r.id);
  v("vpc", r.vpc);
  v("name", r.name);
  v("description", r.description);
  v("rules", r.rules);
  v("tags", r.tags);
}

void fields(auto& v, Is<VirtualFunction> auto& r) {
  v("host", r.host);
  v("card", r.card);
  v("number", r.number);
}

void fields(auto& v, Is<Attachment> auto& r) {
  v("id", r.id);
  v("instance", r.instance);
  v("device_index", r.device_index);
  v("network_card_index", r.network_card_index);
  v("status", r.status);
  v("attach_time", r.attach_time);
  v("delete_on_termination", r.delete_on_termination);
  v("ena_srd_enabled", r.ena_srd_enabled);
  v("ena_srd_udp_enabled", r.ena_srd_udp_enabled);
  v("virtual_function", r.virtual_function);
}

void fields(auto& v, Is<NetworkInterfaceRecord> auto& r) {
  v("id", r.id);
  v("vpc", r.vpc);
  v("subnet", r.subnet);
  v("availability_zone", r.availability_zone);
  v("mac", r.mac);
  v("description", r.description);
  v("interface_type", r.interface_type);
  v("addresses", r.addresses);
  v("prefixes", r.prefixes);
  v("groups", r.groups);
  v("source_dest_check", r.source_dest_check);
  v("tcp_established_timeout", r.tcp_established_timeout);
  v("udp_stream_timeout", r.udp_stream_timeout);
  v("udp_timeout", r.udp_timeout);
  v("attachment", r.attachment);
  v("create_time", r.create_time);
  v("tags", r.tags);
}

void fields(auto& v, Is<NetworkInterfacePermissionRecord> auto& r) {
  v("id", r.id);
  v("interface", r.interface);
  v("account", r.account);
  v("aws_service", r.aws_service);
  v("permission", r.permission);
}

void fields(auto& v, Is<MetadataOptionsRecord> auto& r) {
  v("tokens_required", r.tokens_required);
  v("hop_limit", r.hop_limit);
  v("endpoint_enabled", r.endpoint_enabled);
  v("instance_metadata_tags", r.instance_metadata_tags);
}

void fields(auto& v, Is<InstanceRecord> auto& r) {
  v("id", r.id);
  v("reservation", r.reservation);
  v("image", r.image);
  v("instance_type", r.instance_type);
  v("key_name", r.key_name);
  v("state", r.state);
  v("state_reason_code", r.state_reason_code);
  v("state_reason_message", r.state_reason_message);
  v("state_transition_reason", r.state_transition_reason);
  v("launch_time", r.launch_time);
  v("state_time", r.state_time);
  v("launch_index", r.launch_index);
  v("vpc", r.vpc);
  v("subnet", r.subnet);
  v("availability_zone", r.availability_zone);
  v("host", r.host);
  v("disk_host", r.disk_host);
  v("private_dns_name", r.private_dns_name);
  v("private_address", r.private_address);
  v("user_data", r.user_data);
  v("booted", r.booted);
  v("metadata_options", r.metadata_options);
  v("disable_api_termination", r.disable_api_termination);
  v("disable_api_stop", r.disable_api_stop);
  v("terminate_on_shutdown", r.terminate_on_shutdown);
  v("ebs_optimized", r.ebs_optimized);
  v("detailed_monitoring", r.detailed_monitoring);
  v("cpu_credits", r.cpu_credits);
  v("iam_instance_profile", r.iam_instance_profile);
  v("placement_group", r.placement_group);
  v("partition_number", r.partition_number);
  v("requested_host", r.requested_host);
  v("tenancy", r.tenancy);
  v("root_volume", r.root_volume);
  v("root_volume_tags", r.root_volume_tags);
  v("client_token", r.client_token);
  v("hostname_type", r.hostname_type);
  v("tags", r.tags);
}

void fields(auto& v, Is<PlacementGroupRecord> auto& r) {
  v("id", r.id);
  v("name", r.name);
  v("strategy", r.strategy);
  v("partition_count", r.partition_count);
  v("spread_level", r.spread_level);
  v("tags", r.tags);
}

void fields(auto& v, Is<KeyPairRecord> auto& r) {
  v("id", r.id);
  v("name", r.name);
  v("type", r.type);
  v("fingerprint", r.fingerprint);
  v("public_key", r.public_key);
  v("create_time", r.create_time);
  v("tags", r.tags);
}

void fields(auto& v, Is<LaunchTemplateRecord> auto& r) {
  v("id", r.id);
  v("name", r.name);
  v("create_time", r.create_time);
  v("created_by", r.created_by);
  v("default_version", r.default_version);
  v("last_version", r.last_version);
  v("tags", r.tags);
}

void fields(auto& v, Is<LaunchTemplateVersionRecord> auto& r) {
  v("id", r.id);
  v("launch_template", r.launch_template);
  v("number", r.number);
  v("description", r.description);
  v("create_time", r.create_time);
  v("created_by", r.created_by);
  v("data", r.data);
}

void fields(auto& v, Is<RouteTableRecord> auto& r) {
  v("id", r.id);
  v("vpc", r.vpc);
  v("main_association", r.main_association);
  v("tags", r.tags);
}

void fields(auto& v, Is<NetworkAclRecord> auto& r) {
  v("id", r.id);
  v("vpc", r.vpc);
  v("is_default", r.is_default);
  v("tags", r.tags);
}

void fields(auto& v, Is<DhcpOptionsRecord> auto& r) {
  v("id", r.id);
  v("tags", r.tags);
}

void fields(auto& v, Is<ClientTokenRecord> auto& r) {
  v("id", r.id);
  v("fingerprint", r.fingerprint);
  v("result", r.result);
  v("time", r.time);
}

// Text that is not UTF-8 (user data may be anything) is kept byte for byte as hexadecimal.
constexpr std::string_view kHexMark = "\x01hex:";

bool is_utf8(std::string_view text) {
  try {
    static_cast<void>(Json(text).dump());
    return !text.starts_with(kHexMark);
  } catch (const Json::exception&) {
    return false;
  }
}

struct Writer {
  Json json = Json::object();

  template <class T>
  void operator()(const char* name, const T& value) {
    json[name] = of(value);
  }

  static Json of(bool value) { return value; }
  static Json of(std::int32_t value) { return value; }
  static Json of(const std::string& text) {
    if (is_utf8(text)) return text;
    std::string hex(kHexMark);
    for (const char c : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return hex;
  }
  static Json of(WallTime time) { return time.milliseconds_since_epoch; }
  static Json of(Ipv4Address address) { return address.text(); }
  static Json of(const Ipv4Prefix& prefix) { return prefix.text(); }
  static Json of(const Ipv6Prefix& prefix) { return prefix.text(); }
  static Json of(const MacAddress& mac) { return mac.text(); }
  template <class Kind>
  static Json of(const ResourceId<Kind>& id) {
    return id.text();
  }
  template <class E>
    requires std::is_enum_v<E>
  static Json of(E value) {
    return static_cast<int>(value);
  }
  static Json of(const SecurityGroupRule::Peer& peer) {
    return std::visit([](const auto& p) { return of(p); }, peer);
  }
  static Json of(const Tags& tags) {
    Json json = Json::object();
    for (const auto& [key, value] : tags) json[key] = of(value);
    return json;
  }
  template <class T>
  static Json of(const std::optional<T>& value) {
    return value ? of(*value) : Json();
  }
  template <class T>
  static Json of(const std::vector<T>& values) {
    Json json = Json::array();
    for (const T& value : values) json.push_back(of(value));
    return json;
  }
  template <class R>
    requires requires(Writer& w, const R& r) { fields(w, r); }
  static Json of(const R& record) {
    Writer writer;
    fields(writer, record);
    return std::move(writer.json);
  }
};

// Throws Json::exception or std::invalid_argument when a value is of another form.
struct Reader {
  const Json& json;

  template <class T>
  void operator()(const char* name, T& value) {
    const auto found = json.find(name);
    if (found != json.end()) read(*found, value);
  }

  static void read(const Json& json, bool& value) { value = json.get<bool>(); }
  static void read(const Json& json, std::int32_t& value) { value = json.get<std::int32_t>(); }
  static void read(const Json& json, std::string& text) {
    text = json.get<std::string>();
    if (!text.starts_with(kHexMark)) return;
    std::string bytes;
    for (std::size_t i = kHexMark.size(); i + 1 < text.size(); i += 2)
      bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    text = std::move(bytes);
  }
  static void read(const Json& json, WallTime& time) { time = {json.get<std::int64_t>()}; }
  template <class T>
    requires requires { T::parse(std::string_view()); } && (!requires { typename T::value_type; })
  static void read(const Json& json, T& value) {
    const auto text = json.get<std::string>();
    if constexpr (requires { T::trusted(std::string()); }) {
      value = T::trusted(text);
    } else {
      const auto parsed = T::parse(text);
      if (!parsed) throw std::invalid_argument("not an address: " + text);
      value = *parsed;
    }
  }
  template <class E>
    requires std::is_enum_v<E>
  static void read(const Json& json, E& value) {
    value = static_cast<E>(json.get<int>());
  }
  static void read(const Json& json, SecurityGroupRule::Peer& peer) {
    const auto text = json.get<std::string>();
    if (const auto v4 = Ipv4Prefix::parse(text)) {
      peer = *v4;
    } else if (const auto group = SecurityGroupId::parse(text)) {
      peer = *group;
    } else if (const auto v6 = Ipv6Prefix::parse_loose(text)) {
      peer = *v6;
    } else {
      peer = text;
    }
  }
  static void read(const Json& json, Tags& tags) {
    tags.clear();
    for (const auto& [key, value] : json.items()) read(value, tags[key]);
  }
  template <class T>
  static void read(const Json& json, std::optional<T>& value) {
    if (json.is_null()) {
      value.reset();
    } else {
      read(json, value.emplace());
    }
  }
  template <class T>
  static void read(const Json& json, std::vector<T>& values) {
    values.clear();
    for (const Json& element : json) read(element, values.emplace_back());
  }
  template <class R>
    requires requires(Reader& r, R& record) { fields(r, record); }
  static void read(const Json& json, R& record) {
    Reader reader{json};
    fields(reader, record);
  }
};

template <class Record>
Result<void> load(RegionModel& region, std::string_view value) {
  Record record = TRY(from_json<Record>(value));
  if constexpr (std::is_same_v<Record, NetworkInterfaceRecord>) {
    if (record.attachment && record.attachment->virtual_function &&
        !region.hosts().is_free(*record.attachment->virtual_function))
      return failure(
          std::make_error_code(std::errc::bad_message),
          "it holds a virtual function that another interface holds, or that the host does not have");
  }
  region.put(std::move(record));
  return {};
}

}  // namespace

template <class Record>
std::string to_json(const Record& record) {
  return Writer::of(record).dump();
}

template <class Record>
Result<Record> from_json(std::string_view text) {
  try {
    Record record;
    Reader::read(Json::parse(text), record);
    return record;
  } catch (const std::exception& problem) {
    return failure(std::make_error_code(std::errc::bad_message), problem.what());
  }
}

#define ENID_RECORD(Record)                            \
  template std::string to_json<Record>(const Record&); \
  template Result<Record> from_json<Record>(std::string_view);
ENID_RECORD(VpcRecord)
ENID_RECORD(SubnetRecord)
ENID_RECORD(SecurityGroupRecord)
ENID_RECORD(NetworkInterfaceRecord)
ENID_RECORD(NetworkInterfacePermissionRecord)
ENID_RECORD(InstanceRecord)
ENID_RECORD(PlacementGroupRecord)
ENID_RECORD(KeyPairRecord)
ENID_RECORD(LaunchTemplateRecord)
ENID_RECORD(LaunchTemplateVersionRecord)
ENID_RECORD(RouteTableRecord)
ENID_RECORD(NetworkAclRecord)
ENID_RECORD(DhcpOptionsRecord)
ENID_RECORD(ClientTokenRecord)
#undef ENID_RECORD

Result<void> load_record(RegionModel& region, std::string_view folder_and_id, std::string_view value) {
  const std::string_view folder = folder_and_id.substr(0, folder_and_id.find('/'));
  if (folder == kRecordFolder<VpcRecord>) return load<VpcRecord>(region, value);
  if (folder == kRecordFolder<SubnetRecord>) return load<SubnetRecord>(region, value);
  if (folder == kRecordFolder<SecurityGroupRecord>) return load<SecurityGroupRecord>(region, value);
  if (folder == kRecordFolder<NetworkInterfaceRecord>) return load<NetworkInterfaceRecord>(region, value);
  if (folder == kRecordFolder<NetworkInterfacePermissionRecord>)
    return load<NetworkInterfacePermissionRecord>(region, value);
  if (folder == kRecordFolder<InstanceRecord>) return load<InstanceRecord>(region, value);
  if (folder == kRecordFolder<PlacementGroupRecord>) return load<PlacementGroupRecord>(region, value);
  if (folder == kRecordFolder<KeyPairRecord>) return load<KeyPairRecord>(region, value);
  if (folder == kRecordFolder<LaunchTemplateRecord>) return load<LaunchTemplateRecord>(region, value);
  if (folder == kRecordFolder<LaunchTemplateVersionRecord>)
    return load<LaunchTemplateVersionRecord>(region, value);
  if (folder == kRecordFolder<RouteTableRecord>) return load<RouteTableRecord>(region, value);
  if (folder == kRecordFolder<NetworkAclRecord>) return load<NetworkAclRecord>(region, value);
  if (folder == kRecordFolder<DhcpOptionsRecord>) return load<DhcpOptionsRecord>(region, value);
  if (folder == kRecordFolder<ClientTokenRecord>) return load<ClientTokenRecord>(region, value);
  return failure(std::make_error_code(std::errc::bad_message), fmt::format("unknown folder {}", folder));
}

}  // namespace enid::control
