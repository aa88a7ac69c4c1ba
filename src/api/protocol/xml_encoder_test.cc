#include "api/protocol/xml_encoder.h"

#include <gtest/gtest.h>

#include "api/generated/ec2_shapes.h"
#include "api/generated/ec2_types.h"
#include "api/generated/sts_shapes.h"
#include "api/generated/sts_types.h"
#include "api/protocol/xml_writer.h"

namespace enid::api::protocol {
namespace {

template <class Operation>
std::string encode(const typename Operation::Result& result) {
  return encode_result(*find_operation(ec2::service_shape(), Operation::kName), &result);
}

TEST(XmlEncoder, writes_members_by_their_names_in_answers) {
  ec2::CreateVpcResult result;
  result.vpc = ec2::Vpc{.owner_id = "000000000000",
                        .is_default = false,
                        .tags = {{.key = "Name", .value = "a<b>&\"c\""}},
                        .vpc_id = "vpc-1",
                        .cidr_block = "10.0.0.0/16"};
  EXPECT_EQ(encode<ec2::operations::CreateVpc>(result),
            "<vpc><ownerId>000000000000</ownerId><ipv6CidrBlockAssociationSet/><cidrBlockAssociationSet/>"
            "<isDefault>false</isDefault><tagSet><item><key>Name</key><value>a&lt;b&gt;&amp;&quot;c&quot;"
            "</value></item></tagSet><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></vpc>");
}

TEST(XmlEncoder, writes_times_numbers_and_lists_of_texts) {
  ec2::AttachNetworkInterfaceResult attached{.attachment_id = "eni-attach-1", .network_card_index = 0};
  EXPECT_EQ(encode<ec2::operations::AttachNetworkInterface>(attached),
            "<attachmentId>eni-attach-1</attachmentId><networkCardIndex>0</networkCardIndex>");
  ec2::GetConsoleOutputResult console{.instance_id = "i-1", .timestamp = WallTime{1'709'209'845'006}};
  EXPECT_EQ(encode<ec2::operations::GetConsoleOutput>(console),
            "<instanceId>i-1</instanceId><timestamp>2024-02-29T12:30:45.006Z</timestamp>");
}

TEST(XmlEncoder, says_true_for_operations_without_a_result) {
  EXPECT_EQ(encode<ec2::operations::DeleteVpc>(NoResult{}), "<return>true</return>");
}

TEST(XmlEncoder, wraps_ec2s_answers) {
  const ServiceShape& service = ec2::service_shape();
  EXPECT_EQ(wrap_result(service, *find_operation(service, "DeleteVpc"), "<return>true</return>", "r-1"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<DeleteVpcResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r-1</requestId>"
            "<return>true</return></DeleteVpcResponse>");
}

TEST(XmlEncoder, wraps_answers_of_the_query_protocol) {
  const ServiceShape& service = sts::service_shape();
  const OperationShape& operation = *find_operation(service, "GetCallerIdentity");
  const sts::GetCallerIdentityResponse result{.account = "000000000000"};
  EXPECT_EQ(wrap_result(service, operation, encode_result(operation, &result), "r-1"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
            "<GetCallerIdentityResult><Account>000000000000</Account></GetCallerIdentityResult>"
            "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>");
}

TEST(XmlEncoder, writes_errors_of_both_protocols) {
  EXPECT_EQ(
      encode_error(ec2::service_shape(), "InvalidVpcID.NotFound", "no 'vpc-1' & co", 400, "r-1"),
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no 'vpc-1' &amp; co</Message>"
      "</Error></Errors><RequestID>r-1</RequestID></Response>");
  EXPECT_EQ(
      encode_error(sts::service_shape(), "InvalidAction", "no", 400, "r-1"),
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
      "<Code>InvalidAction</Code><Message>no</Message></Error><RequestId>r-1</RequestId></ErrorResponse>");
}

struct Escaped {
  std::string_view what;
  std::string_view text;
  std::string_view xml;
};

void PrintTo(const Escaped& escaped, std::ostream* out) { *out << escaped.what; }

class XmlWriterEscapes : public testing::TestWithParam<Escaped> {};

TEST_P(XmlWriterEscapes, what_xml_cannot_hold) {
  XmlWriter xml;
  xml.element("a", GetParam().text);
  EXPECT_EQ(xml.take(), "<a>" + std::string(GetParam().xml) + "</a>");
}

INSTANTIATE_TEST_SUITE_P(
    XmlWriter, XmlWriterEscapes,
    testing::Values(Escaped{"plain", "plain", "plain"}, Escaped{"markup", "<&>\"'", "&lt;&amp;&gt;&quot;'"},
                    Escaped{"line ends", "a\r\n\tb", "a&#xD;\n\tb"},
                    Escaped{"control",
                            "a\x01\x1F"
                            "b",
                            "a\xEF\xBF\xBD\xEF\xBF\xBD"
                            "b"},
                    Escaped{"zero", std::string_view("a\0b", 3),
                            "a\xEF\xBF\xBD"
                            "b"},
                    Escaped{"characters", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
                            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
                    Escaped{"cut off", "\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD"},
                    Escaped{"overlong", "\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},
                    Escaped{"surrogate", "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
                    Escaped{"no character", "\xEF\xBF\xBF", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}));

}  // namespace
}  // namespace enid::api::protocol
