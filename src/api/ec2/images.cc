#include "api/ec2/images.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/ids.h"
#include "api/ec2/instance_shapes.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "vpc/ec2_error.h"
#include "vpc/images.h"

namespace enid::api::ec2 {
namespace {

using vpc::ec2_failure;

const vpc::Image& image_behind(std::string_view id) {
  const vpc::Image* known = vpc::find_image(id);
  return known != nullptr ? *known : vpc::kDefaultImage;
}

BlockDeviceMapping root_device() {
  BlockDeviceMapping mapping;
  mapping.device_name = kRootDeviceName;
  mapping.ebs = EbsBlockDevice{.delete_on_termination = true};
  mapping.ebs->snapshot_id = "snap-0e1d0000000000001";
  mapping.ebs->volume_size = 8;
  mapping.ebs->volume_type = "gp3";
  mapping.ebs->encrypted = false;
  return mapping;
}

Image describe_image(const std::string& id) {
  const vpc::Image& image = image_behind(id);
  Image shape;
  shape.image_id = id;
  shape.image_location = fmt::format("amazon/{}", image.name);
  shape.image_owner_alias = "amazon";
  shape.owner_id = "137112412989";  // Observed: the account of Amazon Linux images.
  shape.name = image.name;
  shape.description = image.description;
  shape.state = "available";
  shape.creation_date = "2026-11-01T00:00:00.000Z";
  shape.public_ = true;
  shape.architecture = "x86_64";
  shape.image_type = "machine";
  shape.platform_details = "Linux/UNIX";
  shape.usage_operation = "RunInstances";
  shape.ena_support = true;
  shape.sriov_net_support = "simple";
  shape.hypervisor = "xen";
  shape.virtualization_type = "hvm";
  shape.root_device_name = kRootDeviceName;
  shape.root_device_type = "ebs";
  shape.boot_mode = "uefi-preferred";
  shape.block_device_mappings.push_back(root_device());
  return shape;
}

void filter_values(const Image& image, std::string_view name, FilterValues& values) {
  if (name == "architecture") values.add(image.architecture);
  if (name == "block-device-mapping.device-name") values.add(kRootDeviceName);
  if (name == "block-device-mapping.volume-type") values.add("gp3");
  if (name == "block-device-mapping.volume-size") values.add(8);
  if (name == "block-device-mapping.delete-on-termination") values.add(true);
  if (name == "block-device-mapping.encrypted") values.add(false);
  if (name == "creation-date") values.add(image.creation_date);
  if (name == "description") values.add(image.description);
  if (name == "ena-support") values.add(true);
  if (name == "hypervisor") values.add(image.hypervisor);
  if (name == "image-id") values.add(image.image_id);
  if (name == "image-type") values.add(image.image_type);
  if (name == "is-public") values.add(true);
  if (name == "name") values.add(image.name);
  if (name == "owner-alias") values.add(image.image_owner_alias);
  if (name == "owner-id") values.add(image.owner_id);
  if (name == "platform-details") values.add(image.platform_details);
  if (name == "root-device-name") values.add(image.root_device_name);
  if (name == "root-device-type") values.add(image.root_device_type);
  if (name == "state") values.add(image.state);
  if (name == "virtualization-type") values.add(image.virtualization_type);
}

bool owned_by(const Image& image, const std::vector<std::string>& owners) {
  return owners.empty() || std::ranges::any_of(owners, [&](const std::string& owner) {
           return owner == "amazon" || owner == image.owner_id;
         });
}

Result<DescribeImagesResult> describe_images(CallContext& context, const DescribeImagesRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeImages", request.filters));
  std::vector<std::string> ids = request.image_ids;
  for (const std::string& id : ids) TRY(check_image(context, id));
  if (ids.empty())
    for (const vpc::Image& image : vpc::kImages) ids.emplace_back(image.id);
  std::vector<Image> found;
  for (const std::string& id : ids) {
    Image image = describe_image(id);
    const auto values = [&](std::string_view name, FilterValues& to) { filter_values(image, name, to); };
    if (owned_by(image, request.owners) && filters.match(values, {})) found.push_back(std::move(image));
  }
  auto page = TRY(paginate(std::move(found), &Image::image_id, request));
  DescribeImagesResult result;
  result.next_token = std::move(page.next_token);
  result.images = std::move(page.items);
  return result;
}

Result<ImageAttribute> describe_image_attribute(CallContext& context,
                                                const DescribeImageAttributeRequest& request) {
  TRY(check_image(context, *request.image_id));
  ImageAttribute shape;
  shape.image_id = request.image_id;
  const std::string& name = *request.attribute;
  if (name == "description")
    shape.description = AttributeValue{.value = std::string(image_behind(*request.image_id).description)};
  if (name == "launchPermission") shape.launch_permissions.emplace_back().group = "all";
  if (name == "blockDeviceMapping") shape.block_device_mappings.push_back(root_device());
  if (name == "sriovNetSupport") shape.sriov_net_support = AttributeValue{.value = "simple"};
  if (name == "bootMode") shape.boot_mode = AttributeValue{.value = "uefi-preferred"};
  return shape;
}

}  // namespace

Result<void> check_image(const CallContext& context, const std::string& id) {
  if (vpc::find_image(id) != nullptr) return {};
  if (!ImageId::parse(id))
    return ec2_failure("InvalidAMIID.Malformed",
                       fmt::format("Invalid id: \"{}\" (expecting \"ami-...\")", id));
  if (context.strict_images)
    return ec2_failure(
        "InvalidAMIID.NotFound",
        fmt::format("The image id '[{}]' does not exist (there is {})", id, vpc::kDefaultImage.id));
  return {};
}

void add_image_operations(OperationTable& table) {
  table.add<operations::DescribeImages>(describe_images, OperationKind::kRead);
  table.add<operations::DescribeImageAttribute>(describe_image_attribute, OperationKind::kRead);
}

}  // namespace enid::api::ec2
