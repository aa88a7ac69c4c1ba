#include "sim/clos_topology.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace enid::sim {
namespace {

ClosShape leaf_spine(std::uint32_t leaves, std::uint32_t hosts, std::uint32_t spines) {
  return {1, leaves, hosts, spines, 0};
}

// Follows the first (or last) choice at every switch; answers the number of links crossed.
std::uint32_t walk(const ClosTopology& topology, std::uint32_t source, std::uint32_t target, bool last) {
  NodeIndex node = source;
  std::uint32_t links = 0;
  while (node != target) {
    const ClosTopology::Hop hop = topology.next_hop(node, target);
    const PortIndex port = hop.first + (last ? hop.choices - 1 : 0);
    EXPECT_EQ(topology.owner(port), node);
    node = topology.peer(port);
    if (++links > 6) break;
  }
  return links;
}

class EveryShape : public testing::TestWithParam<ClosShape> {};

TEST_P(EveryShape, every_way_leads_to_the_target_in_as_few_links_as_can_be) {
  const ClosTopology topology(GetParam());
  for (std::uint32_t source = 0; source < topology.hosts(); source += 3) {
    for (std::uint32_t target = 0; target < topology.hosts(); ++target) {
      if (source == target) continue;
      ASSERT_EQ(walk(topology, source, target, false), topology.links_between(source, target));
      ASSERT_EQ(walk(topology, source, target, true), topology.links_between(source, target));
    }
  }
}

TEST_P(EveryShape, each_port_is_one_direction_of_one_link) {
  const ClosTopology topology(GetParam());
  std::set<std::string> names;
  for (PortIndex port = 0; port < topology.ports(); ++port) {
    const PortIndex back = topology.reverse(port);
    ASSERT_NE(back, port);
    ASSERT_EQ(topology.reverse(back), port);
    ASSERT_EQ(topology.owner(back), topology.peer(port));
    ASSERT_TRUE(names.insert(topology.name(port)).second) << topology.name(port);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryShape,
                         testing::Values(ClosShape{}, leaf_spine(2, 1, 1), leaf_spine(2, 16, 16),
                                         leaf_spine(5, 3, 2), ClosShape{8, 4, 4, 4, 4},  // k = 8.
                                         ClosShape{3, 2, 5, 4, 1},    // Oversubscribed twice.
                                         ClosShape{2, 1, 1, 3, 7}));  // More ways than hosts.

TEST(ClosTopology, fat_trees_have_the_reference_geometry) {
  struct Row {
    std::uint32_t hosts, leaves, aggregations, cores;
  };
  for (const Row& row :
       {Row{16, 8, 8, 4}, Row{128, 32, 32, 16}, Row{1024, 128, 128, 64}, Row{8192, 512, 512, 256}}) {
    const auto shape = ClosTopology::fat_tree(row.hosts);
    ASSERT_TRUE(shape.has_value());
    const ClosTopology topology(*shape);
    EXPECT_EQ(topology.hosts(), row.hosts);
    EXPECT_EQ(topology.leaves(), row.leaves);
    EXPECT_EQ(topology.aggregations(), row.aggregations);
    EXPECT_EQ(topology.cores(), row.cores);
  }
  EXPECT_FALSE(ClosTopology::fat_tree(100).has_value());
}

TEST(ClosTopology, an_aggregation_switch_reaches_every_pod_by_each_of_its_cores) {
  const ClosTopology topology(*ClosTopology::fat_tree(128));
  for (std::uint32_t uplink = 0; uplink < 4; ++uplink) {
    const PortIndex up = topology.aggregation_up(5, uplink);  // Pod 1, group 1.
    EXPECT_EQ(topology.node_name(topology.peer(up)), "core" + std::to_string(4 + uplink));
    EXPECT_EQ(topology.peer(topology.core_down(4 + uplink, 3)), topology.aggregation_node(3 * 4 + 1));
  }
}

TEST(ClosTopology, says_what_is_wrong_with_a_shape) {
  const ClosShape wrong[] = {{0, 1, 1, 1, 0}, {2, 1, 1, 1, 0}, {1, 4096, 4096, 1, 0}, {1, 1, 1, 5000, 0}};
  for (const ClosShape& shape : wrong) EXPECT_FALSE(ClosTopology::check(shape).has_value());
}

}  // namespace
}  // namespace enid::sim
