#include "api/protocol/shape_json.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "api/generated/ec2_shapes.h"
#include "api/generated/ec2_types.h"
#include "api/protocol/query_decoder.h"

namespace enid::api::protocol {
namespace {

using Json = nlohmann::json;

// The request, decoded, written as JSON, and that again read and written.
template <class Operation>
std::pair<Json, Json> there_and_back(const Form& form) {
  const OperationShape& operation = *find_operation(ec2::service_shape(), Operation::kName);
  typename Operation::Request request;
  if (!decode_request(Protocol::kEc2, form, operation, &request)) return {Json(), Json()};
  const Json json = write_json(*operation.input, &request);
  typename Operation::Request again;
  read_json(*operation.input, Json::parse(json.dump()), &again);
  return {json, write_json(*operation.input, &again)};
}

TEST(ShapeJson, keeps_every_member_of_every_request) {
  std::map<std::string, std::pair<Json, Json> (*)(const Form&)> writers;
#define ADD_WRITER(name) writers[#name] = &there_and_back<ec2::operations::name>;
  ENID_EC2_OPERATIONS(ADD_WRITER);
#undef ADD_WRITER
  std::ifstream file(ENID_API_SOURCE "/protocol/testdata/full_requests.txt");
  std::string service, name, text;
  while (file >> service >> name >> text) {
    if (service != "ec2") continue;
    ASSERT_TRUE(writers.contains(name)) << name;
    const auto [json, again] = writers[name](parse_form(text).value());
    ASSERT_TRUE(json.is_object()) << name;
    EXPECT_EQ(json, again) << name;
  }
}

TEST(ShapeJson, uses_the_models_names_and_leaves_out_what_is_not_set) {
  ec2::AttachNetworkInterfaceRequest request;
  request.device_index = 1;
  request.ena_srd_specification.emplace().ena_srd_enabled = true;
  const OperationShape& operation = *find_operation(ec2::service_shape(), "AttachNetworkInterface");
  EXPECT_EQ(write_json(*operation.input, &request).dump(),
            R"({"DeviceIndex":1,"EnaSrdSpecification":{"EnaSrdEnabled":true}})");
}

TEST(ShapeJson, leaves_out_what_the_shape_does_not_know) {
  const OperationShape& operation = *find_operation(ec2::service_shape(), "AttachNetworkInterface");
  for (const char* text :
       {"[]", "7", "null", R"({"Colour":"red"})", R"({"DeviceIndex":"one","EnaSrdSpecification":[1]})",
        R"({"EnaSrdSpecification":"on","InstanceId":{},"DeviceIndex":1.5})"}) {
    ec2::AttachNetworkInterfaceRequest request;
    read_json(*operation.input, Json::parse(text), &request);
    EXPECT_EQ(write_json(*operation.input, &request), Json::object()) << text;
  }
}

}  // namespace
}  // namespace enid::api::protocol
