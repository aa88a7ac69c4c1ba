// What a card must know of the model: records turned into contract entities.
#pragma once

#include <string>
#include <vector>

#include "contract/card_program.h"
#include "control/instance_runtime.h"
#include "control/transaction.h"

namespace enid::control {

contract::CardDelta card_delta(const std::string& account, const RegionModel& region,
                               const TouchedIds& touched, const HostId& reader = {});
void add_everything(const std::string& account, const RegionModel& region, const HostId& reader,
                    std::vector<contract::Entity>& to);

// "us-east-1" -> "ec2.internal", others "<region>.compute.internal".
std::string private_dns_domain(const std::string& region);
// "ip-10-0-0-5"
std::string host_label(Ipv4Address address);

// Bytes of IP packets that an instance of this type may send. Documented: EC2 User Guide,
// "Network MTU": every current generation type supports 9001.
std::uint16_t interface_mtu(const std::string& instance_type);

InterfaceAttachment interface_attachment(const InstanceRecord& instance,
                                         const NetworkInterfaceRecord& interface);
InstanceLaunch instance_launch(const RegionModel& region, const InstanceRecord& instance);

}  // namespace enid::control
