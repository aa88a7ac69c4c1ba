#include "control/operations/tags.h"
#include "api/ec2/handler_story.h"
#include "control/operations/instances.h"

namespace enid::api::ec2 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Tagging : public HandlerStory {
 protected:
  std::string create(const std::vector<std::string>& ids, std::vector<Tag> tags) {
    return code_of<operations::CreateTags>({.resources = ids, .tags = std::move(tags)});
  }
  std::string remove(const std::vector<std::string>& ids, std::vector<Tag> tags) {
    return code_of<operations::DeleteTags>({.resources = ids, .tags = std::move(tags)});
  }
  // "type key=value" of each tag that passes.
  std::vector<std::string> described(std::vector<Filter> filters) {
    std::vector<std::string> lines;
    const auto result = call<operations::DescribeTags>({.filters = std::move(filters)}).value();
    for (const TagDescription& tag : result.tags)
      lines.push_back(*tag.resource_type + " " + *tag.key + "=" + *tag.value);
    return lines;
  }
  static Tag tag(std::string key, std::string value) {
    return {.key = std::move(key), .value = std::move(value)};
  }
};

TEST_F(Tagging, reaches_every_kind_of_resource) {
  change([](control::Transaction& transaction) {
    control::InstanceRecord instance;
    instance.id = transaction.make_id<InstanceId>();
    instance.root_volume = transaction.make_id<VolumeId>();
    transaction.put(instance);
    control::KeyPairRecord key;
    key.id = transaction.make_id<KeyPairId>();
    transaction.put(key);
    control::NetworkInterfaceRecord interface;
    interface.id = transaction.make_id<NetworkInterfaceId>();
    transaction.put(interface);
  });
  std::map<std::string, std::string> ids;
  control::for_each_tagged(region_,
                           [&](const control::TaggedResource& one) { ids[std::string(one.type)] = one.id; });
  EXPECT_THAT(ids, SizeIs(11));
  for (const auto& [type, id] : ids) {
    EXPECT_EQ(create({id}, {tag("Name", type)}), "") << type;
    EXPECT_THAT(described({filter("resource-id", {id})}), ElementsAre(type + " Name=" + type));
  }
  EXPECT_THAT(described({filter("resource-type", {"vpc", "volume"}), filter("key", {"Name"})}), SizeIs(2));
}

TEST_F(Tagging, replaces_the_value_of_a_key_and_deletes_by_key_or_by_value) {
  const std::string id = make_vpc();
  ASSERT_EQ(create({id}, {tag("a", "1"), tag("b", "2"), tag("c", "3")}), "");
  ASSERT_EQ(create({id}, {tag("a", "9")}), "");
  EXPECT_THAT(described({}), ElementsAre("vpc a=9", "vpc b=2", "vpc c=3"));
  EXPECT_EQ(remove({id}, {tag("a", "1"), Tag{.key = "b", .value = {}}, Tag{.key = "none", .value = {}}}), "");
  EXPECT_THAT(described({}), ElementsAre("vpc a=9", "vpc c=3"));
  EXPECT_THAT(described({filter("tag:a", {"9"})}), ElementsAre("vpc a=9"));
  EXPECT_THAT(described({filter("value", {"3"})}), ElementsAre("vpc c=3"));
  EXPECT_EQ(remove({id}, {}), "");
  EXPECT_THAT(described({}), IsEmpty());
}

TEST_F(Tagging, is_refused_as_a_whole) {
  const std::string id = make_vpc();
  EXPECT_EQ(create({id, "vpc-0123456789abcdef0"}, {tag("a", "1")}), "InvalidVpcID.NotFound");
  EXPECT_THAT(described({}), IsEmpty());
  EXPECT_EQ(create({id}, {tag("aws:name", "1")}), "InvalidParameterValue");
  EXPECT_EQ(create({id}, {tag("", "1")}), "InvalidParameterValue");
  EXPECT_EQ(create({id}, {}), "MissingParameter");
  EXPECT_EQ(create({}, {tag("a", "1")}), "MissingParameter");
}

TEST_F(Tagging, says_of_unknown_ids_what_their_kind_says) {
  struct Row {
    const char* id;
    const char* code;
  };
  for (const auto& [id, code] : {
           Row{"subnet-0123456789abcdef0", "InvalidSubnetID.NotFound"},
           Row{"eni-0123456789abcdef0", "InvalidNetworkInterfaceID.NotFound"},
           Row{"eni-xyz", "InvalidNetworkInterfaceId.Malformed"},
           Row{"i-0123456789abcdef0", "InvalidInstanceID.NotFound"},
           Row{"sg-0123456789abcdef0", "InvalidGroup.NotFound"},
           Row{"sgr-0123456789abcdef0", "InvalidSecurityGroupRuleId.NotFound"},
           Row{"igw-0123456789abcdef0", "InvalidInternetGatewayID.NotFound"},
           Row{"vol-0123456789abcdef0", "InvalidVolume.NotFound"},
           Row{"lemon-0123456789abcdef0", "InvalidID"},
           Row{"nonsense", "InvalidID"},
       })
    EXPECT_EQ(create({id}, {tag("a", "1")}), code) << id;
}

TEST_F(Tagging, stops_at_fifty_tags_and_a_thousand_resources) {
  const std::string id = make_vpc();
  std::vector<Tag> many;
  for (int i = 0; i < 50; ++i) many.push_back(tag("key" + std::to_string(i), ""));
  EXPECT_EQ(create({id}, many), "");
  EXPECT_EQ(create({id}, {tag("key0", "again")}), "");
  EXPECT_EQ(create({id}, {tag("one more", "")}), "TagLimitExceeded");
  EXPECT_EQ(create(std::vector<std::string>(1001, id), {tag("key0", "1")}), "InvalidParameterValue");
}

}  // namespace
}  // namespace enid::api::ec2
