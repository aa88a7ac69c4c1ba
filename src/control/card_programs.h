// What a card must know of the model: records turned into contract entities.
#pragma once

#include <optional>
#include <string>

#include "contract/card_program.h"
#include "control/instance_runtime.h"
#include "control/transaction.h"

namespace enid::control {

contract::VpcProgram program_of(const RegionModel& region, const VpcRecord& vpc);
contract::SubnetProgram program_of(const RegionModel& region, const SubnetRecord& subnet);
contract::SecurityGroupProgram program_of(const RegionModel& region, const SecurityGroupRecord& group);
// With the name of its host also for that host's card: control/card_feeds.h.
contract::InterfaceProgram program_of(const RegionModel& region, const NetworkInterfaceRecord& interface);
// Empty: a terminated instance asks for nothing.
std::optional<contract::InstanceProgram> program_of(const std::string& account, const RegionModel& region,
                                                    const InstanceRecord& instance);

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
