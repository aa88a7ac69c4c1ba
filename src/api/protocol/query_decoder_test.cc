#include "api/protocol/query_decoder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "api/generated/ec2_shapes.h"
#include "api/generated/ec2_types.h"
#include "vpc/ec2_error.h"

namespace enid::api::protocol {
namespace {

template <class Operation>
Result<typename Operation::Request> decode(std::string_view text) {
  const OperationShape* shape = find_operation(ec2::service_shape(), Operation::kName);
  typename Operation::Request request;
  const Form form = TRY(parse_form(text));
  TRY(decode_request(Protocol::kEc2, form, *shape, &request));
  return request;
}

TEST(QueryDecoder, reads_a_network_interface_as_botocore_writes_it) {
  const auto request = decode<ec2::operations::CreateNetworkInterface>(
      "Action=CreateNetworkInterface&Version=2016-11-15&Description=a+%26+b&SecurityGroupId.1=sg-1&"
      "SecurityGroupId.2=sg-2&Ipv6AddressCount=1&PrivateIpAddresses.1.Primary=true&"
      "PrivateIpAddresses.1.PrivateIpAddress=10.0.0.5&PrivateIpAddresses.2.PrivateIpAddress=10.0.0.6&"
      "SubnetId=subnet-1&TagSpecification.1.ResourceType=network-interface&TagSpecification.1.Tag.1.Key=Name&"
      "TagSpecification.1.Tag.1.Value=x&Ipv4Prefix.1.Ipv4Prefix=10.0.1.0%2F28&"
      "ConnectionTrackingSpecification.TcpEstablishedTimeout=350");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->description, "a & b");
  EXPECT_EQ(request->groups, (std::vector<std::string>{"sg-1", "sg-2"}));
  EXPECT_EQ(request->ipv6_address_count, 1);
  ASSERT_EQ(request->private_ip_addresses.size(), 2U);
  EXPECT_EQ(request->private_ip_addresses[0].primary, true);
  EXPECT_EQ(request->private_ip_addresses[1].private_ip_address, "10.0.0.6");
  EXPECT_EQ(request->private_ip_addresses[1].primary, std::nullopt);
  EXPECT_EQ(request->subnet_id, "subnet-1");
  ASSERT_EQ(request->tag_specifications.size(), 1U);
  EXPECT_EQ(request->tag_specifications[0].tags[0].value, "x");
  EXPECT_EQ(request->ipv4_prefixes[0].ipv4_prefix, "10.0.1.0/28");
  ASSERT_TRUE(request->connection_tracking_specification);
  EXPECT_EQ(request->connection_tracking_specification->tcp_established_timeout, 350);
  EXPECT_EQ(request->client_token, std::nullopt);
}

TEST(QueryDecoder, reads_blobs_as_bytes) {
  const auto request = decode<ec2::operations::ImportKeyPair>("KeyName=k&PublicKeyMaterial=AGtlef8%3D");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->public_key_material, std::string("\0key\xFF", 5));
}

TEST(QueryDecoder, takes_list_elements_in_the_order_of_their_numbers) {
  const auto request = decode<ec2::operations::DescribeVpcs>("VpcId.10=c&VpcId.2=b&VpcId.1=a");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->vpc_ids, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(QueryDecoder, keeps_an_empty_text_apart_from_none) {
  const auto request = decode<ec2::operations::CreateNetworkInterface>("SubnetId=s&Description=");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->description, "");
}

template <class Operation>
Result<void> decode_any(const Form& form) {
  typename Operation::Request request;
  return decode_request(Protocol::kEc2, form, *find_operation(ec2::service_shape(), Operation::kName),
                        &request);
}

// Every operation, every member, as written by botocore: tools/codegen/write_full_requests.py.
TEST(QueryDecoder, knows_every_name_that_botocore_writes) {
  std::map<std::string, Result<void> (*)(const Form&)> decoders;
#define ADD_DECODER(name) decoders[#name] = &decode_any<ec2::operations::name>;
  ENID_EC2_OPERATIONS(ADD_DECODER);
#undef ADD_DECODER
  std::ifstream file(ENID_API_SOURCE "/protocol/testdata/full_requests.txt");
  std::string service;
  std::string name;
  std::string text;
  while (file >> service >> name >> text) {
    if (service != "ec2") continue;
    ASSERT_TRUE(decoders.contains(name)) << name;
    const auto form = parse_form(text);
    ASSERT_TRUE(form) << name;
    const Result<void> decoded = decoders[name](*form);
    EXPECT_TRUE(decoded) << name << ": " << decoded.error().message;
    decoders.erase(name);
  }
  EXPECT_TRUE(decoders.empty()) << decoders.begin()->first << " is missing in full_requests.txt";
}

struct Refused {
  std::string_view what;
  std::string_view form;
  std::string_view code;
  std::string_view message;
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.what; }

class DescribeNetworkInterfacesRefuses : public testing::TestWithParam<Refused> {};

TEST_P(DescribeNetworkInterfacesRefuses, with_ec2s_code) {
  const auto request = decode<ec2::operations::DescribeNetworkInterfaces>(GetParam().form);
  ASSERT_FALSE(request);
  EXPECT_EQ(vpc::ec2_code(request.error()), GetParam().code);
  EXPECT_EQ(request.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    QueryDecoder, DescribeNetworkInterfacesRefuses,
    testing::Values(
        Refused{"unknown", "Colour=red", "UnknownParameter", "The parameter Colour is not recognized"},
        Refused{"unknown below a list", "Filter.1.Name=a&Filter.1.Colour=b", "UnknownParameter",
                "The parameter Filter.1.Colour is not recognized"},
        Refused{"element without a number", "NetworkInterfaceId=eni-1", "UnknownParameter",
                "The parameter NetworkInterfaceId is not recognized"},
        Refused{"element zero", "NetworkInterfaceId.0=eni-1", "UnknownParameter",
                "The parameter NetworkInterfaceId.0 is not recognized"},
        Refused{"no integer", "MaxResults=many", "InvalidParameterValue",
                "Value (many) for parameter maxResults is invalid. It must be an integer."},
        Refused{"too great for an integer", "MaxResults=99999999999", "InvalidParameterValue",
                "Value (99999999999) for parameter maxResults is invalid. It must be an integer."},
        Refused{
            "too few", "MaxResults=3", "InvalidParameterValue",
            "Value ( 3 ) for parameter maxResults is invalid. Expecting a value greater than or equal to 5."},
        Refused{"too many", "MaxResults=1001", "InvalidParameterValue",
                "Value ( 1001 ) for parameter maxResults is invalid. Expecting a value less than or equal to "
                "1000."},
        Refused{"no boolean", "DryRun=maybe", "InvalidParameterValue",
                "Value (maybe) for parameter dryRun is invalid. It must be true or false."},
        Refused{"ids and pages", "MaxResults=5&NetworkInterfaceId.1=eni-1", "InvalidParameterCombination",
                "The parameter networkInterfaceId cannot be used with the parameter maxResults"},
        Refused{"the same twice", "NextToken=a&NextToken=b", "InvalidParameterCombination",
                "The parameter NextToken is specified more than once"}));

TEST(QueryDecoder, names_the_required_member_that_is_missing) {
  const auto request = decode<ec2::operations::AttachNetworkInterface>("NetworkInterfaceId=e&InstanceId=i");
  ASSERT_FALSE(request);
  EXPECT_EQ(vpc::ec2_code(request.error()), "MissingParameter");
  EXPECT_EQ(request.error().message, "The request must contain the parameter DeviceIndex");
}

TEST(QueryDecoder, checks_enumerations) {
  const auto request = decode<ec2::operations::CreateVpc>("CidrBlock=10.0.0.0%2F16&InstanceTenancy=owned");
  ASSERT_FALSE(request);
  EXPECT_EQ(vpc::ec2_code(request.error()), "InvalidParameterValue");
}

TEST(QueryDecoder, bounds_the_depth_of_names) {
  std::string name = "Filter";
  for (int i = 0; i < 10'000; ++i) name += ".1";
  const auto request = decode<ec2::operations::DescribeVpcs>(name + "=x");
  ASSERT_FALSE(request);
  EXPECT_EQ(vpc::ec2_code(request.error()), "UnknownParameter");
}

TEST(Form, bounds_the_number_of_parameters) {
  std::string text;
  for (std::size_t i = 0; i <= kParametersMax; ++i) text += "a=b&";
  const auto form = parse_form(text);
  ASSERT_FALSE(form);
  EXPECT_EQ(vpc::ec2_code(form.error()), "InvalidRequest");
}

TEST(Form, refuses_broken_escapes) {
  for (const std::string_view text : {"a=%", "a=%4", "a=%zz", "%=b"}) EXPECT_FALSE(parse_form(text)) << text;
}

TEST(Form, reads_pluses_escapes_and_missing_values) {
  const auto form = parse_form("a+b=c%2Bd&&e&f=g=h");
  ASSERT_TRUE(form);
  ASSERT_EQ(form->size(), 3U);
  EXPECT_EQ((*form)[0].name, "a b");
  EXPECT_EQ((*form)[0].value, "c+d");
  EXPECT_EQ((*form)[1].value, "");
  EXPECT_EQ((*form)[2].value, "g=h");
}

}  // namespace
}  // namespace enid::api::protocol
