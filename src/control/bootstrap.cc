#include "control/bootstrap.h"

#include "base/check.h"
#include "control/operations/vpcs.h"
#include "vpc/regions.h"

namespace enid::control {

void make_default_network(Transaction& transaction) {
  constexpr Ipv4Prefix kBlock{Ipv4Address{0xAC1F0000}, 16};  // 172.31.0.0/16
  constexpr std::uint8_t kSubnetLength = 20;
  const VpcId vpc = create_vpc(transaction, {.cidr_block = kBlock, .is_default = true, .tags = {}});
  const vpc::Region* region = vpc::find_region(transaction.region().name());
  CHECK(region != nullptr);
  std::uint64_t index = 0;
  for (const auto& zone : region->availability_zones) {
    const Ipv4Prefix block{kBlock.at(index++ << (32 - kSubnetLength)), kSubnetLength};
    create_subnet(transaction, {.vpc = vpc,
                                .cidr_block = block,
                                .availability_zone = std::string(zone.name),
                                .availability_zone_id = std::string(zone.id),
                                .default_for_az = true,
                                .tags = {}});
  }
}

}  // namespace enid::control
