// DHCP option sets. There is one, which every VPC is born with.
//
// Documented: VPC User Guide, "DHCP option sets in Amazon VPC": the default set's two options.
#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"
#include "control/card_programs.h"

namespace enid::api::ec2 {
namespace {

using control::DhcpOptionsRecord;

DhcpConfiguration one_value(std::string key, std::string value) {
  DhcpConfiguration configuration;
  configuration.key = std::move(key);
  configuration.values.push_back(AttributeValue{.value = std::move(value)});
  return configuration;
}

DhcpOptions describe(const CallContext& context, const DhcpOptionsRecord& options) {
  DhcpOptions shape;
  shape.owner_id = context.account_id;
  shape.tags = to_tag_list(options.tags);
  shape.dhcp_options_id = options.id.text();
  shape.dhcp_configurations.push_back(one_value("domain-name", control::private_dns_domain(context.region)));
  shape.dhcp_configurations.push_back(one_value("domain-name-servers", "AmazonProvidedDNS"));
  return shape;
}

void filter_values(const DhcpOptions& shape, std::string_view name, FilterValues& values) {
  if (name == "dhcp-options-id") values.add(shape.dhcp_options_id);
  if (name == "owner-id") values.add(shape.owner_id);
  for (const DhcpConfiguration& configuration : shape.dhcp_configurations) {
    if (name == "key") values.add(configuration.key);
    if (name == "value")
      for (const AttributeValue& value : configuration.values) values.add(value.value);
  }
}

Result<DescribeDhcpOptionsResult> describe_dhcp_options(CallContext& context,
                                                        const DescribeDhcpOptionsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeDhcpOptions", request.filters));
  std::vector<DhcpOptions> found;
  TRY(for_each_record<DhcpOptionsRecord>(
      context.transaction, request.dhcp_options_ids, [&](const DhcpOptionsRecord& options) {
        DhcpOptions shape = describe(context, options);
        const auto values = [&](std::string_view name, FilterValues& to) { filter_values(shape, name, to); };
        if (filters.match(values, options.tags)) found.push_back(std::move(shape));
      }));
  auto page = TRY(paginate(std::move(found), &DhcpOptions::dhcp_options_id, request));
  return DescribeDhcpOptionsResult{.next_token = std::move(page.next_token),
                                   .dhcp_options = std::move(page.items)};
}

}  // namespace

void add_dhcp_option_operations(OperationTable& table) {
  table.add<operations::DescribeDhcpOptions>(describe_dhcp_options, OperationKind::kRead);
}

}  // namespace enid::api::ec2
