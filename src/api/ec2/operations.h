// The operations of EC2 that enid runs, as the list of the files that hold them.
#pragma once

#include "api/handler.h"

namespace enid::api::ec2 {

void add_account_attribute_operations(OperationTable& table);
void add_dhcp_option_operations(OperationTable& table);
void add_image_operations(OperationTable& table);
void add_instance_attribute_operations(OperationTable& table);
void add_instance_belonging_operations(OperationTable& table);
void add_instance_operations(OperationTable& table);
void add_instance_state_operations(OperationTable& table);
void add_instance_type_operations(OperationTable& table);
void add_key_pair_operations(OperationTable& table);
void add_launch_template_operations(OperationTable& table);
void add_launch_template_version_operations(OperationTable& table);
void add_network_acl_operations(OperationTable& table);
void add_network_interface_address_operations(OperationTable& table);
void add_network_interface_attachment_operations(OperationTable& table);
void add_network_interface_operations(OperationTable& table);
void add_network_interface_permission_operations(OperationTable& table);
void add_placement_group_operations(OperationTable& table);
void add_region_operations(OperationTable& table);
void add_route_table_operations(OperationTable& table);
void add_security_group_operations(OperationTable& table);
void add_security_group_rule_operations(OperationTable& table);
void add_subnet_operations(OperationTable& table);
void add_tag_operations(OperationTable& table);
void add_unmade_resource_operations(OperationTable& table);
void add_vpc_operations(OperationTable& table);

// All of them.
void add_operations(OperationTable& table);

}  // namespace enid::api::ec2
