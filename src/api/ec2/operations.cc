#include "api/ec2/operations.h"

namespace enid::api::ec2 {

void add_operations(OperationTable& table) {
  add_account_attribute_operations(table);
  add_dhcp_option_operations(table);
  add_image_operations(table);
  add_instance_attribute_operations(table);
  add_instance_belonging_operations(table);
  add_instance_operations(table);
  add_instance_state_operations(table);
  add_instance_type_operations(table);
  add_key_pair_operations(table);
  add_launch_template_operations(table);
  add_launch_template_version_operations(table);
  add_network_acl_operations(table);
  add_network_interface_address_operations(table);
  add_network_interface_attachment_operations(table);
  add_network_interface_operations(table);
  add_network_interface_permission_operations(table);
  add_placement_group_operations(table);
  add_region_operations(table);
  add_route_table_operations(table);
  add_security_group_operations(table);
  add_security_group_rule_operations(table);
  add_subnet_operations(table);
  add_tag_operations(table);
  add_unmade_resource_operations(table);
  add_vpc_operations(table);
}

}  // namespace enid::api::ec2
