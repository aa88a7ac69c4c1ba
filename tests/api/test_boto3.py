"""boto3 of Debian: waiters, paginators, filters, tokens, error codes."""
import threading
import unittest

import boto3
from botocore.exceptions import ClientError

from enid_daemon import IMAGE, EnidTest, Network


class Boto3(EnidTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ec2 = cls.daemon.client("ec2")

    def network(self, number):
        return Network(self.ec2, f"10.{number}.0.0/16", f"10.{number}.1.0/24")

    def test_paginators_meet_every_interface_once(self):
        net = self.network(11)
        made = {net.interface(Description="page")["NetworkInterfaceId"] for _ in range(23)}
        pages = self.ec2.get_paginator("describe_network_interfaces").paginate(
            Filters=[{"Name": "subnet-id", "Values": [net.subnet]}], PaginationConfig={"PageSize": 5})
        seen = [i["NetworkInterfaceId"] for page in pages for i in page["NetworkInterfaces"]]
        self.assertEqual(len(seen), 23)
        self.assertEqual(set(seen), made)

    def test_filters_take_wildcards_and_refuse_what_they_do_not_know(self):
        net = self.network(12)
        net.interface(Description="web-1")
        net.interface(Description="db-1")

        def found(pattern):
            return len(self.ec2.describe_network_interfaces(Filters=[
                {"Name": "vpc-id", "Values": [net.vpc]}, {"Name": "description", "Values": [pattern]}])["NetworkInterfaces"])
        self.assertEqual([found("web-*"), found("??-1"), found("*"), found("web")], [1, 1, 2, 0])
        self.assert_code("InvalidParameterValue", self.ec2.describe_network_interfaces,
                         Filters=[{"Name": "no-such-filter", "Values": ["x"]}])

    def test_waiters_follow_an_instance_through_its_life(self):
        net = self.network(13)
        instance = net.run_instance(wait=False)
        quick = {"WaiterConfig": {"Delay": 1, "MaxAttempts": 40}}
        for waiter, call in (("instance_running", None), ("instance_stopped", self.ec2.stop_instances),
                             ("instance_running", self.ec2.start_instances),
                             ("instance_terminated", self.ec2.terminate_instances)):
            if call:
                call(InstanceIds=[instance])
            self.ec2.get_waiter(waiter).wait(InstanceIds=[instance], **quick)
        self.assertEqual(net.state(instance), "terminated")

    def test_a_client_token_makes_one_of_two_calls(self):
        net = self.network(14)
        calls = [net.interface(ClientToken="once")["NetworkInterfaceId"] for _ in range(2)]
        self.assertEqual(calls[0], calls[1])

    def test_refusals_carry_ec2s_codes_and_texts(self):
        net = self.network(15)
        missing = self.assert_code("InvalidNetworkInterfaceID.NotFound", self.ec2.describe_network_interfaces,
                                   NetworkInterfaceIds=["eni-0123456789abcdef0"])
        self.assertEqual(missing["Error"]["Message"], "The networkInterface ID 'eni-0123456789abcdef0' does not exist")
        self.assertEqual(missing["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.assert_code("InvalidSubnetID.NotFound", self.ec2.create_network_interface, SubnetId="subnet-0123456789abcdef0")
        self.assert_code("InvalidSubnet.Conflict", self.ec2.create_subnet, VpcId=net.vpc, CidrBlock="10.15.1.128/25")
        self.assert_code("InvalidVpc.Range", self.ec2.create_vpc, CidrBlock="10.0.0.0/8")
        self.assert_code("InvalidGroup.NotFound",
                         self.ec2.delete_security_group, GroupId="sg-0123456789abcdef0")
        self.assert_code("DependencyViolation", self.ec2.delete_vpc, VpcId=net.vpc)
        self.assert_code("InvalidParameterValue", net.interface, PrivateIpAddress="10.16.0.9")
        self.assert_code("InvalidVpcID.NotFound", self.ec2.describe_vpcs,
                         VpcIds=["vpc-0123456789abcdef0"])

    def test_signatures_are_verified(self):
        def caller(key, secret):
            return boto3.session.Session().client(
                "sts", region_name="us-east-1", endpoint_url=self.daemon.endpoint, aws_access_key_id=key,
                aws_secret_access_key=secret).get_caller_identity
        key, secret = (self.daemon.environment[n] for n in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        self.assertEqual(caller(key, secret)()["ResponseMetadata"]["HTTPStatusCode"], 200)
        wrong = self.assert_code("SignatureDoesNotMatch", caller(key, "x" * 40))
        self.assertEqual(wrong["ResponseMetadata"]["HTTPStatusCode"], 403)
        self.assert_code("InvalidClientTokenId", caller("AKIAIOSFODNN7EXAMPLE", secret))

    def test_two_callers_claim_one_address_and_one_gets_it(self):
        net = self.network(16)
        for host in range(20, 40):
            outcomes = []
            barrier = threading.Barrier(2)

            def claim(client, address):
                barrier.wait()
                try:
                    client.create_network_interface(SubnetId=net.subnet, PrivateIpAddress=address)
                    outcomes.append("made")
                except ClientError as error:
                    outcomes.append(error.response["Error"]["Code"])
            threads = [threading.Thread(target=claim, args=(client, f"10.16.1.{host}"))
                       for client in (self.ec2, self.daemon.client("ec2"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(outcomes), ["InvalidIPAddress.InUse", "made"])

    def test_secondary_addresses_move_only_when_the_caller_says_so(self):
        net = self.network(17)
        one, other = (net.interface()["NetworkInterfaceId"] for _ in range(2))
        self.ec2.assign_private_ip_addresses(NetworkInterfaceId=one, PrivateIpAddresses=["10.17.1.200"])
        self.assert_code("Resource.AlreadyAssigned", self.ec2.assign_private_ip_addresses, NetworkInterfaceId=other,
                         PrivateIpAddresses=["10.17.1.200"], AllowReassignment=False)
        self.ec2.assign_private_ip_addresses(NetworkInterfaceId=other, PrivateIpAddresses=["10.17.1.200"],
                                             AllowReassignment=True)
        shown = self.ec2.describe_network_interfaces(
            Filters=[{"Name": "addresses.private-ip-address", "Values": ["10.17.1.200"]}])["NetworkInterfaces"]
        self.assertEqual([i["NetworkInterfaceId"] for i in shown], [other])

    def test_limits_are_those_of_the_instance_type(self):
        net = self.network(18)
        instance = net.run_instance(InstanceType="t3.micro")  # 2 interfaces of 2 addresses.
        eni = net.interface()["NetworkInterfaceId"]
        self.ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)
        third = net.interface()["NetworkInterfaceId"]
        self.assert_code("AttachmentLimitExceeded", self.ec2.attach_network_interface, NetworkInterfaceId=third,
                         InstanceId=instance, DeviceIndex=2)
        self.assert_code("PrivateIpAddressLimitExceeded", self.ec2.assign_private_ip_addresses, NetworkInterfaceId=eni,
                         SecondaryPrivateIpAddressCount=2)
        self.ec2.terminate_instances(InstanceIds=[instance])

    def test_tags_are_found_by_every_road(self):
        net = self.network(19)
        eni = net.interface(TagSpecifications=[{"ResourceType": "network-interface",
                                                "Tags": [{"Key": "Name", "Value": "<&'\">"}]}])["NetworkInterfaceId"]
        self.ec2.create_tags(Resources=[eni], Tags=[{"Key": "team", "Value": "blue"}])
        tags = self.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [eni]}])["Tags"]
        self.assertEqual({(t["Key"], t["Value"]) for t in tags}, {("Name", "<&'\">"), ("team", "blue")})
        found = self.ec2.describe_network_interfaces(Filters=[{"Name": "tag:team", "Values": ["blue"]}])
        self.assertEqual([i["NetworkInterfaceId"] for i in found["NetworkInterfaces"]], [eni])

    def test_the_default_image_is_listed_and_runs(self):
        images = self.ec2.describe_images(Owners=["amazon"])["Images"]
        self.assertTrue(images)
        net = self.network(20)
        instance = self.ec2.run_instances(ImageId=images[0]["ImageId"], MinCount=1, MaxCount=1, SubnetId=net.subnet,
                                          InstanceType="t3.micro")["Instances"][0]["InstanceId"]
        net.await_state(instance, "running")
        self.ec2.terminate_instances(InstanceIds=[instance])


class StrictImages(EnidTest):
    flags = ("--strict-images",)

    def test_an_unknown_image_is_refused(self):
        self.assert_code("InvalidAMIID.NotFound", self.daemon.client("ec2").run_instances, ImageId=IMAGE, MinCount=1,
                         MaxCount=1)


class AnyKey(EnidTest):
    flags = ("--auth", "none")

    def test_made_up_keys_are_believed(self):
        sts = boto3.session.Session().client("sts", region_name="us-east-1", endpoint_url=self.daemon.endpoint,
                                             aws_access_key_id="test", aws_secret_access_key="test")
        self.assertRegex(sts.get_caller_identity()["Account"], r"^\d{12}$")


if __name__ == "__main__":
    unittest.main()
