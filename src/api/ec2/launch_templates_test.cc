// Launch templates: made, versioned, told again, and launched from.
#include <map>

#include "api/ec2/handler_story.h"
#include "api/protocol/base64.h"

namespace enid::api::ec2 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kImage = "ami-0e1d0000000000001";
constexpr const char* kNobody = "lt-00000000000000000";

class LaunchTemplates : public HandlerStory {
 protected:
  static RequestLaunchTemplateData of_type(const std::string& type) {
    RequestLaunchTemplateData data;
    data.image_id = kImage;
    data.instance_type = type;
    return data;
  }
  Result<CreateLaunchTemplateResult> create(const std::string& name, const RequestLaunchTemplateData& data) {
    CreateLaunchTemplateRequest request;
    request.launch_template_name = name;
    request.launch_template_data = data;
    return call<operations::CreateLaunchTemplate>(request);
  }
  std::string make(const std::string& name, const RequestLaunchTemplateData& data) {
    return *create(name, data).value().launch_template->launch_template_id;
  }
  LaunchTemplateVersion add_version(const std::string& id, const RequestLaunchTemplateData& data,
                                    const std::optional<std::string>& source = {}) {
    CreateLaunchTemplateVersionRequest request;
    request.launch_template_id = id;
    request.launch_template_data = data;
    request.source_version = source;
    return *call<operations::CreateLaunchTemplateVersion>(request).value().launch_template_version;
  }
  LaunchTemplate shown(const std::string& id) {
    return call<operations::DescribeLaunchTemplates>({.launch_template_ids = {id}})
        .value()
        .launch_templates.at(0);
  }
  // The numbers in the order of the answer.
  std::vector<std::int64_t> numbers(const DescribeLaunchTemplateVersionsRequest& request) {
    const auto answer = call<operations::DescribeLaunchTemplateVersions>(request).value();
    std::vector<std::int64_t> all;
    for (const auto& version : answer.launch_template_versions) all.push_back(*version.version_number);
    return all;
  }
  static DescribeLaunchTemplateVersionsRequest versions(const std::string& id,
                                                        std::vector<std::string> wanted = {}) {
    DescribeLaunchTemplateVersionsRequest request;
    request.launch_template_id = id;
    request.versions = std::move(wanted);
    return request;
  }
  std::string set_default(const std::string& id, const std::string& version) {
    ModifyLaunchTemplateRequest request;
    request.launch_template_id = id;
    request.default_version = version;
    return code_of<operations::ModifyLaunchTemplate>(request);
  }
  static RunInstancesRequest from(const std::string& id, const std::optional<std::string>& version = {}) {
    RunInstancesRequest request;
    request.min_count = request.max_count = 1;
    auto& named = request.launch_template.emplace();
    named.launch_template_id = id;
    named.version = version;
    return request;
  }
  Instance run(const RunInstancesRequest& request) {
    const auto answer = call<operations::RunInstances>(request);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? answer->instances.at(0) : Instance{};
  }
  static std::map<std::string, std::string> tags_of(const std::vector<Tag>& tags) {
    std::map<std::string, std::string> all;
    for (const Tag& tag : tags) all[*tag.key] = *tag.value;
    return all;
  }
  static LaunchTemplateTagSpecificationRequest tagged(const std::string& type, const std::string& key,
                                                      const std::string& value) {
    return {.resource_type = type, .tags = {{.key = key, .value = value}}};
  }
};

TEST_F(LaunchTemplates, begin_with_a_first_version_that_is_the_default) {
  CreateLaunchTemplateRequest request;
  request.launch_template_name = "web/1_(a).b-c";
  request.launch_template_data = of_type("t3.small");
  request.version_description = "first";
  request.tag_specifications = {
      {.resource_type = "launch-template", .tags = {{.key = "team", .value = "red"}}}};
  const auto made = call<operations::CreateLaunchTemplate>(request);
  ASSERT_TRUE(made) << made.error().message;
  const LaunchTemplate& told = *made->launch_template;
  EXPECT_TRUE(told.launch_template_id->starts_with("lt-"));
  EXPECT_EQ(told.launch_template_name, "web/1_(a).b-c");
  EXPECT_EQ(told.default_version_number, 1);
  EXPECT_EQ(told.latest_version_number, 1);
  EXPECT_EQ(told.created_by, "arn:aws:iam::123456789012:root");
  EXPECT_EQ(tags_of(told.tags), (std::map<std::string, std::string>{{"team", "red"}}));

  const auto answer =
      call<operations::DescribeLaunchTemplateVersions>(versions(*told.launch_template_id)).value();
  ASSERT_THAT(answer.launch_template_versions, SizeIs(1));
  const LaunchTemplateVersion& version = answer.launch_template_versions[0];
  EXPECT_EQ(version.version_description, "first");
  EXPECT_EQ(version.default_version, true);
  EXPECT_EQ(version.launch_template_data->instance_type, "t3.small");
}

TEST_F(LaunchTemplates, have_names_of_their_own) {
  make("taken", of_type("t3.small"));
  const std::map<std::string, std::string> codes{
      {"taken", "InvalidLaunchTemplateName.AlreadyExistsException"},
      {"ab", "InvalidLaunchTemplateName.MalformedException"},
      {std::string(129, 'a'), "InvalidLaunchTemplateName.MalformedException"},
      {"no spaces", "InvalidLaunchTemplateName.MalformedException"},
      {"n\xc3\xb6", "InvalidLaunchTemplateName.MalformedException"},
      {"abc", ""},
      {std::string(128, 'a'), ""},
  };
  for (const auto& [name, code] : codes) {
    const auto made = create(name, of_type("t3.small"));
    EXPECT_EQ(made ? "" : vpc::ec2_code(made.error()), code) << name;
  }
}

TEST_F(LaunchTemplates, refuse_data_that_cannot_be_meant) {
  RequestLaunchTemplateData data = of_type("t3.small");
  data.user_data = "%%%";
  EXPECT_EQ(vpc::ec2_code(create("bad", data).error()), "InvalidUserData.Malformed");
  data = of_type("t3.small");
  data.instance_requirements.emplace();
  EXPECT_EQ(vpc::ec2_code(create("bad", data).error()), "InvalidParameterCombination");
  data = of_type("t3.small");
  data.tag_specifications = {tagged("subnet", "a", "b")};
  EXPECT_EQ(vpc::ec2_code(create("bad", data).error()), "InvalidParameterValue");
  data.tag_specifications = {tagged("instance", "aws:mine", "b")};
  EXPECT_EQ(vpc::ec2_code(create("bad", data).error()), "InvalidParameterValue");
  EXPECT_THAT(region_.table<control::LaunchTemplateRecord>(), SizeIs(0));
}

TEST_F(LaunchTemplates, are_named_by_id_or_by_name_and_otherwise_refused) {
  const std::string id = make("web", of_type("t3.small"));
  const auto code = [&](const std::optional<std::string>& by_id, const std::optional<std::string>& by_name,
                        const std::optional<std::string>& version) {
    RunInstancesRequest request;
    request.min_count = request.max_count = 1;
    request.launch_template = LaunchTemplateSpecification{
        .launch_template_id = by_id, .launch_template_name = by_name, .version = version};
    return code_of<operations::RunInstances>(request);
  };
  EXPECT_EQ(code(id, {}, {}), "");
  EXPECT_EQ(code({}, "web", "$Default"), "");
  EXPECT_EQ(code({}, "web", "$Latest"), "");
  EXPECT_EQ(code({}, "web", "1"), "");
  EXPECT_EQ(code(id, "web", {}), "InvalidParameterCombination");
  EXPECT_EQ(code({}, {}, {}), "MissingParameter");
  EXPECT_EQ(code(kNobody, {}, {}), "InvalidLaunchTemplateId.NotFound");
  EXPECT_EQ(code("lt-web", {}, {}), "InvalidLaunchTemplateId.Malformed");
  EXPECT_EQ(code({}, "nobody", {}), "InvalidLaunchTemplateName.NotFoundException");
  for (const char* version : {"2", "0", "-1", "$Newest", "1.0", "99999999999", ""})
    EXPECT_EQ(code(id, {}, version), "InvalidLaunchTemplateId.VersionNotFound") << version;
}

TEST_F(LaunchTemplates, keep_and_tell_all_that_was_said) {
  RequestLaunchTemplateData data = of_type("m5.large");
  data.kernel_id = "aki-1";
  data.ram_disk_id = "ari-1";
  data.iam_instance_profile.emplace().name = "profile";
  auto& volume = data.block_device_mappings.emplace_back();
  volume.device_name = "/dev/sdf";
  volume.ebs.emplace().volume_size = 100;
  volume.ebs->snapshot_id = "snap-1";
  auto& market = data.instance_market_options.emplace();
  market.market_type = "spot";
  market.spot_options.emplace().valid_until = kNow;
  data.cpu_options.emplace().core_count = 2;
  data.hibernation_options.emplace().configured = true;
  data.license_specifications.emplace_back().license_configuration_arn = "arn:licence";
  auto& interface = data.network_interfaces.emplace_back();
  interface.device_index = 0;
  interface.groups = {"sg-1", "sg-2"};
  interface.ena_srd_specification.emplace().ena_srd_enabled = true;
  interface.ena_srd_specification->ena_srd_udp_specification.emplace().ena_srd_udp_enabled = false;
  interface.connection_tracking_specification.emplace().udp_timeout = 45;
  interface.ipv4_prefixes.emplace_back().ipv4_prefix = "10.0.0.16/28";
  data.tag_specifications = {tagged("instance", "a", "1"), tagged("volume", "b", "2")};

  const std::string id = make("everything", data);
  const auto answer = call<operations::DescribeLaunchTemplateVersions>(versions(id)).value();
  const ResponseLaunchTemplateData& told = *answer.launch_template_versions.at(0).launch_template_data;
  EXPECT_EQ(told.kernel_id, "aki-1");
  EXPECT_EQ(told.ram_disk_id, "ari-1");
  EXPECT_EQ(told.iam_instance_profile->name, "profile");
  EXPECT_EQ(told.block_device_mappings.at(0).ebs->volume_size, 100);
  EXPECT_EQ(told.instance_market_options->spot_options->valid_until, kNow);
  EXPECT_EQ(told.cpu_options->core_count, 2);
  EXPECT_EQ(told.hibernation_options->configured, true);
  EXPECT_EQ(told.license_specifications.at(0).license_configuration_arn, "arn:licence");
  const auto& shown_interface = told.network_interfaces.at(0);
  EXPECT_THAT(shown_interface.groups, ElementsAre("sg-1", "sg-2"));
  EXPECT_EQ(shown_interface.ena_srd_specification->ena_srd_enabled, true);
  EXPECT_EQ(shown_interface.ena_srd_specification->ena_srd_udp_specification->ena_srd_udp_enabled, false);
  EXPECT_EQ(shown_interface.connection_tracking_specification->udp_timeout, 45);
  EXPECT_EQ(shown_interface.ipv4_prefixes.at(0).ipv4_prefix, "10.0.0.16/28");
  EXPECT_EQ(told.tag_specifications.at(1).resource_type, "volume");
  EXPECT_FALSE(told.ebs_optimized) << "what was not said is not told";
}

TEST_F(LaunchTemplates, take_versions_that_inherit_from_a_source_or_from_none) {
  RequestLaunchTemplateData data = of_type("t3.small");
  data.key_name = "mine";
  auto& volume = data.block_device_mappings.emplace_back();
  volume.device_name = "/dev/sdf";
  volume.ebs.emplace().snapshot_id = "snap-1";
  const std::string id = make("web", data);
  RequestLaunchTemplateData bigger;
  bigger.instance_type = "t3.large";

  const LaunchTemplateVersion alone = add_version(id, bigger);
  EXPECT_EQ(alone.version_number, 2);
  EXPECT_EQ(alone.default_version, false);
  EXPECT_FALSE(alone.launch_template_data->image_id);

  const LaunchTemplateVersion heir = add_version(id, bigger, "1");
  EXPECT_EQ(heir.launch_template_data->image_id, kImage);
  EXPECT_EQ(heir.launch_template_data->key_name, "mine");
  EXPECT_EQ(heir.launch_template_data->instance_type, "t3.large");
  EXPECT_FALSE(heir.launch_template_data->block_device_mappings.at(0).ebs->snapshot_id);
  EXPECT_EQ(add_version(id, bigger, "$Latest").launch_template_data->key_name, "mine");

  CreateLaunchTemplateVersionRequest request;
  request.launch_template_id = id;
  request.launch_template_data = bigger;
  request.source_version = "9";
  EXPECT_EQ(code_of<operations::CreateLaunchTemplateVersion>(request),
            "InvalidLaunchTemplateId.VersionNotFound");
}

TEST_F(LaunchTemplates, tell_their_versions_newest_first_by_number_by_alias_and_by_range) {
  const std::string id = make("web", of_type("t3.small"));
  for (int i = 0; i < 11; ++i) add_version(id, of_type(i % 2 == 0 ? "t3.large" : "t3.small"));
  ASSERT_EQ(set_default(id, "3"), "");
  EXPECT_THAT(numbers(versions(id)), ElementsAre(12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1));
  EXPECT_THAT(numbers(versions(id, {"2", "$Default", "$Latest", "3"})), ElementsAre(12, 3, 2));
  auto request = versions(id);
  request.min_version = "9";
  EXPECT_THAT(numbers(request), ElementsAre(12, 11, 10, 9));
  request.max_version = "10";
  EXPECT_THAT(numbers(request), ElementsAre(10, 9));
  request.versions = {"1"};
  EXPECT_EQ(code_of<operations::DescribeLaunchTemplateVersions>(request), "InvalidParameterCombination");
  EXPECT_EQ(code_of<operations::DescribeLaunchTemplateVersions>(versions(id, {"13"})),
            "InvalidLaunchTemplateId.VersionNotFound");

  request = versions(id);
  request.filters = {filter("is-default-version", {"true"})};
  EXPECT_THAT(numbers(request), ElementsAre(3));
  request.filters = {filter("instance-type", {"t3.l*"})};
  EXPECT_THAT(numbers(request), ElementsAre(12, 10, 8, 6, 4, 2));
  request.max_results = 4;
  std::vector<std::int64_t> paged;
  do {
    const auto page = call<operations::DescribeLaunchTemplateVersions>(request).value();
    for (const auto& version : page.launch_template_versions) paged.push_back(*version.version_number);
    request.next_token = page.next_token;
  } while (request.next_token);
  EXPECT_THAT(paged, ElementsAre(12, 10, 8, 6, 4, 2));
}

TEST_F(LaunchTemplates, tell_the_latest_and_the_default_versions_of_all) {
  const std::string one = make("one", of_type("t3.small")), two = make("two", of_type("t3.small"));
  add_version(one, of_type("t3.large"));
  DescribeLaunchTemplateVersionsRequest request;
  EXPECT_EQ(code_of<operations::DescribeLaunchTemplateVersions>(request), "MissingParameter");
  request.versions = {"1"};
  EXPECT_EQ(code_of<operations::DescribeLaunchTemplateVersions>(request), "InvalidParameterCombination");
  request.versions = {"$Latest"};
  EXPECT_THAT(numbers(request), ::testing::UnorderedElementsAre(2, 1));
  request.versions = {"$Latest", "$Default"};
  EXPECT_THAT(numbers(request), SizeIs(3)) << "a version that is both is told once";
}

TEST_F(LaunchTemplates, lose_versions_but_never_the_default_nor_a_number) {
  const std::string id = make("web", of_type("t3.small"));
  add_version(id, of_type("t3.small"));
  add_version(id, of_type("t3.small"));
  DeleteLaunchTemplateVersionsRequest request;
  request.launch_template_id = id;
  request.versions = {"1", "3", "7", "$Latest"};
  const auto done = call<operations::DeleteLaunchTemplateVersions>(request).value();
  ASSERT_THAT(done.successfully_deleted_launch_template_versions, SizeIs(1));
  EXPECT_EQ(done.successfully_deleted_launch_template_versions[0].version_number, 3);
  EXPECT_EQ(done.successfully_deleted_launch_template_versions[0].launch_template_name, "web");
  std::vector<std::string> codes;
  for (const auto& item : done.unsuccessfully_deleted_launch_template_versions)
    codes.push_back(*item.response_error->code);
  EXPECT_THAT(codes, ElementsAre("unexpectedError", "launchTemplateVersionDoesNotExist",
                                 "launchTemplateVersionDoesNotExist"));
  EXPECT_EQ(shown(id).latest_version_number, 2);
  EXPECT_EQ(add_version(id, of_type("t3.small")).version_number, 4);

  request.launch_template_id = kNobody;
  const auto nobody = call<operations::DeleteLaunchTemplateVersions>(request).value();
  ASSERT_THAT(nobody.unsuccessfully_deleted_launch_template_versions, SizeIs(4));
  EXPECT_EQ(nobody.unsuccessfully_deleted_launch_template_versions[0].response_error->code,
            "launchTemplateIdDoesNotExist");
  request.launch_template_id.reset();
  EXPECT_EQ(code_of<operations::DeleteLaunchTemplateVersions>(request), "MissingParameter");
}

TEST_F(LaunchTemplates, have_a_default_version_that_can_be_chosen) {
  const std::string id = make("web", of_type("t3.small"));
  add_version(id, of_type("t3.large"));
  EXPECT_EQ(run(from(id)).instance_type, "t3.small");
  EXPECT_EQ(run(from(id, "$Latest")).instance_type, "t3.large");
  EXPECT_EQ(set_default(id, "2"), "");
  EXPECT_EQ(shown(id).default_version_number, 2);
  EXPECT_EQ(run(from(id)).instance_type, "t3.large");
  EXPECT_EQ(set_default(id, "3"), "InvalidLaunchTemplateId.VersionNotFound");
  ModifyLaunchTemplateRequest request;
  request.launch_template_id = id;
  EXPECT_EQ(code_of<operations::ModifyLaunchTemplate>(request), "MissingParameter");
}

TEST_F(LaunchTemplates, go_with_all_their_versions) {
  const std::string id = make("web", of_type("t3.small")), other = make("other", of_type("t3.small"));
  add_version(id, of_type("t3.large"));
  EXPECT_EQ(call<operations::DeleteLaunchTemplate>({.launch_template_name = "web"})
                ->launch_template->launch_template_id,
            id);
  EXPECT_EQ(code_of<operations::DescribeLaunchTemplates>({.launch_template_ids = {id}}),
            "InvalidLaunchTemplateId.NotFound");
  EXPECT_EQ(code_of<operations::DescribeLaunchTemplates>({.launch_template_names = {"web"}}),
            "InvalidLaunchTemplateName.NotFoundException");
  EXPECT_THAT(region_.table<control::LaunchTemplateVersionRecord>(), SizeIs(1));
  EXPECT_EQ(shown(other).latest_version_number, 1);
  make("web", of_type("t3.small"));
}

TEST_F(LaunchTemplates, are_found_by_name_filter_and_tag_page_by_page) {
  for (int i = 0; i < 7; ++i) make("web" + std::to_string(i), of_type("t3.small"));
  const std::string db = make("database", of_type("t3.small"));
  CreateTagsRequest tag;
  tag.resources = {db};
  tag.tags = {{.key = "team", .value = "blue"}};
  ASSERT_EQ(code_of<operations::CreateTags>(tag), "");
  const auto found = [&](const Filter& wanted) {
    return call<operations::DescribeLaunchTemplates>({.filters = {wanted}}).value().launch_templates.size();
  };
  EXPECT_EQ(found(filter("launch-template-name", {"web*"})), 7);
  EXPECT_EQ(found(filter("tag:team", {"blue"})), 1);
  EXPECT_EQ(found(filter("create-time", {"2023-*"})), 8);
  EXPECT_THAT(call<operations::DescribeLaunchTemplates>({.launch_template_names = {"web1", "web2"}})
                  ->launch_templates,
              SizeIs(2));
  DescribeLaunchTemplatesRequest request;
  request.max_results = 3;
  std::size_t told = 0;
  do {
    const auto page = call<operations::DescribeLaunchTemplates>(request).value();
    told += page.launch_templates.size();
    request.next_token = page.next_token;
  } while (request.next_token);
  EXPECT_EQ(told, 8);
}

TEST_F(LaunchTemplates, launch_with_everything_they_say) {
  const std::string subnet = make_subnet(make_vpc(), "10.0.1.0/24");
  RequestLaunchTemplateData data = of_type("c6i.8xlarge");
  data.user_data = protocol::write_base64("#!/bin/sh\necho hello\n");
  data.disable_api_termination = true;
  data.instance_initiated_shutdown_behavior = "terminate";
  data.monitoring.emplace().enabled = true;
  data.metadata_options.emplace().http_tokens = "required";
  data.metadata_options->http_put_response_hop_limit = 3;
  data.placement.emplace().availability_zone = "us-east-1a";
  data.placement->tenancy = "dedicated";
  auto& interface = data.network_interfaces.emplace_back();
  interface.device_index = 0;
  interface.subnet_id = subnet;
  interface.description = "from the template";
  interface.ena_srd_specification.emplace().ena_srd_enabled = true;
  interface.ena_srd_specification->ena_srd_udp_specification.emplace().ena_srd_udp_enabled = true;
  data.tag_specifications = {tagged("instance", "name", "web"), tagged("network-interface", "kind", "eni")};
  const std::string id = make("web", data);

  const Instance instance = run(from(id));
  const auto& record =
      *region_.find<control::InstanceRecord>(InstanceId::trusted(instance.instance_id.value()));
  EXPECT_EQ(instance.image_id, kImage);
  EXPECT_EQ(instance.instance_type, "c6i.8xlarge");
  EXPECT_EQ(record.user_data, "#!/bin/sh\necho hello\n");
  EXPECT_TRUE(record.disable_api_termination);
  EXPECT_TRUE(record.terminate_on_shutdown);
  EXPECT_TRUE(record.detailed_monitoring);
  EXPECT_TRUE(record.metadata_options.tokens_required);
  EXPECT_EQ(record.metadata_options.hop_limit, 3);
  EXPECT_EQ(record.tenancy, "dedicated");
  EXPECT_EQ(tags_of(instance.tags),
            (std::map<std::string, std::string>{
                {"aws:ec2launchtemplate:id", id}, {"aws:ec2launchtemplate:version", "1"}, {"name", "web"}}));
  ASSERT_THAT(instance.network_interfaces, SizeIs(1));
  const auto& attachment = *instance.network_interfaces[0].attachment;
  EXPECT_EQ(attachment.ena_srd_specification->ena_srd_enabled, true);
  EXPECT_EQ(attachment.ena_srd_specification->ena_srd_udp_specification->ena_srd_udp_enabled, true);
  EXPECT_EQ(instance.network_interfaces[0].subnet_id, subnet);
  EXPECT_EQ(instance.network_interfaces[0].description, "from the template");
  const auto* primary = region_.interfaces_of(record.id).at(0);
  EXPECT_EQ(primary->tags, (control::Tags{{"kind", "eni"}}));
}

TEST_F(LaunchTemplates, give_way_to_what_the_call_says) {
  const std::string vpc = make_vpc(), subnet = make_subnet(vpc, "10.0.1.0/24");
  const std::string other = make_subnet(vpc, "10.0.2.0/24");
  RequestLaunchTemplateData data = of_type("c6i.8xlarge");
  data.metadata_options.emplace().http_tokens = "required";
  data.metadata_options->http_put_response_hop_limit = 3;
  for (int i = 0; i < 2; ++i) {
    auto& interface = data.network_interfaces.emplace_back();
    interface.device_index = i;
    interface.subnet_id = subnet;
    interface.description = "from the template";
  }
  data.network_interfaces[0].ena_srd_specification.emplace().ena_srd_enabled = true;
  data.tag_specifications = {tagged("instance", "name", "web"), tagged("volume", "name", "disk")};
  data.tag_specifications[0].tags.push_back({.key = "team", .value = "red"});
  const std::string id = make("web", data);

  RunInstancesRequest request = from(id);
  request.instance_type = "c6i.16xlarge";
  request.metadata_options.emplace().http_put_response_hop_limit = 5;
  request.tag_specifications = {{.resource_type = "instance", .tags = {{.key = "name", .value = "mine"}}}};
  auto& first = request.network_interfaces.emplace_back();
  first.device_index = 0;
  first.subnet_id = other;
  auto& third = request.network_interfaces.emplace_back();
  third.device_index = 2;
  third.subnet_id = other;
  const Instance instance = run(request);
  EXPECT_EQ(instance.instance_type, "c6i.16xlarge");
  EXPECT_EQ(instance.image_id, kImage);
  EXPECT_EQ(instance.metadata_options->http_tokens, "required");
  EXPECT_EQ(instance.metadata_options->http_put_response_hop_limit, 5);
  auto tags = tags_of(instance.tags);
  EXPECT_EQ(tags["name"], "mine");
  EXPECT_EQ(tags["team"], "red");
  ASSERT_THAT(instance.network_interfaces, SizeIs(3));
  EXPECT_EQ(instance.network_interfaces[0].subnet_id, other);
  EXPECT_EQ(instance.network_interfaces[0].description, "from the template");
  EXPECT_EQ(instance.network_interfaces[0].attachment->ena_srd_specification->ena_srd_enabled, true);
  EXPECT_EQ(instance.network_interfaces[1].subnet_id, subnet);
  EXPECT_EQ(instance.network_interfaces[2].attachment->device_index, 2);

  request = from(id);
  for (int i = 0; i < 2; ++i) request.network_interfaces.emplace_back().device_index = 0;
  EXPECT_EQ(code_of<operations::RunInstances>(request), "InvalidParameterValue")
      << "the call says the same interface twice";
  request = from(id);
  request.subnet_id = other;
  EXPECT_EQ(code_of<operations::RunInstances>(request), "InvalidParameterCombination");
}

TEST_F(LaunchTemplates, leave_a_place_for_an_interface_that_exists) {
  const std::string subnet = make_subnet(make_vpc(), "10.0.1.0/24");
  RequestLaunchTemplateData data = of_type("t3.small");
  data.network_interfaces.emplace_back().device_index = 0;
  data.network_interfaces[0].subnet_id = subnet;
  data.network_interfaces[0].delete_on_termination = true;
  const std::string id = make("web", data);
  CreateNetworkInterfaceRequest create_interface;
  create_interface.subnet_id = subnet;
  const std::string interface =
      *call<operations::CreateNetworkInterface>(create_interface)->network_interface->network_interface_id;
  RunInstancesRequest request = from(id);
  request.network_interfaces.emplace_back().device_index = 0;
  request.network_interfaces[0].network_interface_id = interface;
  EXPECT_EQ(run(request).network_interfaces.at(0).network_interface_id, interface);
}

TEST_F(LaunchTemplates, replace_security_groups_by_those_of_the_call) {
  CreateSecurityGroupRequest create_group;
  create_group.group_name = "web";
  create_group.description = "of the default VPC";
  const std::string group = *call<operations::CreateSecurityGroup>(create_group)->group_id;
  RequestLaunchTemplateData data = of_type("t3.small");
  data.security_groups = {"default"};
  const std::string id = make("web", data);
  RunInstancesRequest request = from(id);
  EXPECT_EQ(run(request).security_groups.at(0).group_name, "default");
  request.security_group_ids = {group};
  const Instance instance = run(request);
  ASSERT_THAT(instance.security_groups, SizeIs(1));
  EXPECT_EQ(instance.security_groups[0].group_id, group);
}

TEST_F(LaunchTemplates, cannot_launch_by_requirements_alone) {
  RequestLaunchTemplateData data;
  data.image_id = kImage;
  data.instance_requirements.emplace();
  const std::string id = make("any", data);
  EXPECT_EQ(code_of<operations::RunInstances>(from(id)), "UnsupportedOperation");
  RunInstancesRequest request = from(id);
  request.instance_type = "t3.small";
  EXPECT_EQ(code_of<operations::RunInstances>(request), "");
}

TEST_F(LaunchTemplates, without_an_image_need_one_from_the_call) {
  RequestLaunchTemplateData data;
  data.instance_type = "t3.small";
  const std::string id = make("half", data);
  EXPECT_EQ(code_of<operations::RunInstances>(from(id)), "MissingParameter");
  RunInstancesRequest request = from(id);
  request.image_id = kImage;
  EXPECT_EQ(code_of<operations::RunInstances>(request), "");
}

TEST_F(LaunchTemplates, can_be_had_from_an_instance_and_launch_its_like) {
  const std::string subnet = make_subnet(make_vpc(), "10.0.1.0/24");
  RunInstancesRequest request;
  request.min_count = request.max_count = 1;
  request.image_id = kImage;
  request.instance_type = "c6i.8xlarge";
  request.user_data = protocol::write_base64("hello");
  auto& interface = request.network_interfaces.emplace_back();
  interface.device_index = 0;
  interface.subnet_id = subnet;
  interface.ena_srd_specification.emplace().ena_srd_enabled = true;
  request.tag_specifications = {{.resource_type = "instance", .tags = {{.key = "name", .value = "web"}}}};
  const Instance instance = run(request);
  const auto answer = call<operations::GetLaunchTemplateData>({.instance_id = instance.instance_id}).value();
  const ResponseLaunchTemplateData& data = *answer.launch_template_data;
  EXPECT_EQ(data.image_id, kImage);
  EXPECT_EQ(data.instance_type, "c6i.8xlarge");
  EXPECT_EQ(data.user_data, protocol::write_base64("hello"));
  EXPECT_EQ(data.network_interfaces.at(0).subnet_id, subnet);
  EXPECT_EQ(data.network_interfaces.at(0).ena_srd_specification->ena_srd_enabled, true);
  EXPECT_EQ(tags_of(data.tag_specifications.at(0).tags),
            (std::map<std::string, std::string>{{"name", "web"}}));
  EXPECT_EQ(code_of<operations::GetLaunchTemplateData>({.instance_id = "i-00000000000000000"}),
            "InvalidInstanceID.NotFound");
}

TEST_F(LaunchTemplates, tell_of_themselves_in_tags_that_stay) {
  const std::string id = make("web", of_type("t3.small"));
  const Instance instance = run(from(id));
  const std::vector<std::string> resources{*instance.instance_id};
  EXPECT_EQ(code_of<operations::DeleteTags>({.resources = resources, .tags = {}}), "");
  EXPECT_EQ(code_of<operations::DeleteTags>(
                {.resources = resources, .tags = {{.key = "aws:ec2launchtemplate:id", .value = {}}}}),
            "InvalidParameterValue");
  CreateTagsRequest request;
  request.resources = resources;
  for (int i = 0; i < 50; ++i) request.tags.push_back({.key = "tag" + std::to_string(i), .value = ""});
  EXPECT_EQ(code_of<operations::CreateTags>(request), "") << "AWS's own tags count for no limit";
  const auto answer = call<operations::DescribeInstances>({.instance_ids = resources}).value();
  EXPECT_EQ(tags_of(answer.reservations.at(0).instances.at(0).tags)["aws:ec2launchtemplate:id"], id);
}

}  // namespace
}  // namespace enid::api::ec2
