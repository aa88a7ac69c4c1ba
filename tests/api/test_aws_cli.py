"""The AWS CLI of Debian: what somebody types on the first afternoon."""
import unittest

from enid_daemon import IMAGE, EnidTest, eventually


class AwsCli(EnidTest):
    def test_knows_who_is_asking(self):
        identity = self.daemon.aws("sts", "get-caller-identity")
        self.assertRegex(identity["Account"], r"^\d{12}$")
        self.assertTrue(identity["Arn"].startswith("arn:aws:"))

    def test_finds_the_default_vpc_of_a_region_with_a_subnet_in_each_zone(self):
        vpcs = self.daemon.aws("ec2", "describe-vpcs", "--filters", "Name=is-default,Values=true")["Vpcs"]
        self.assertEqual([vpc["CidrBlock"] for vpc in vpcs], ["172.31.0.0/16"])
        subnets = self.daemon.aws("ec2", "describe-subnets")["Subnets"]
        zones = self.daemon.aws("ec2", "describe-availability-zones")["AvailabilityZones"]
        self.assertEqual(sorted(s["AvailabilityZone"] for s in subnets), sorted(z["ZoneName"] for z in zones))

    def test_every_region_has_resources_of_its_own(self):
        here = self.daemon.aws("ec2", "describe-vpcs", "--region", "us-east-1")["Vpcs"][0]["VpcId"]
        there = self.daemon.aws("ec2", "describe-vpcs", "--region", "eu-central-1")["Vpcs"][0]["VpcId"]
        self.assertNotEqual(here, there)
        error = self.daemon.aws_error("ec2", "describe-vpcs", "--region", "eu-central-1", "--vpc-ids", here)
        self.assertIn("InvalidVpcID.NotFound", error)

    def test_an_interface_lives_is_moved_and_dies(self):
        aws = self.daemon.aws
        subnet = aws("ec2", "describe-subnets")["Subnets"][0]["SubnetId"]
        instances = aws("ec2", "run-instances", "--image-id", IMAGE, "--instance-type", "t3.small", "--count", "2",
                        "--subnet-id", subnet)["Instances"]
        a, b = (i["InstanceId"] for i in instances)
        aws("ec2", "wait", "instance-running", "--instance-ids", a, b)
        eni = aws("ec2", "create-network-interface", "--subnet-id", subnet, "--description", "it's <moved> & kept",
                  "--tag-specifications", "ResourceType=network-interface,Tags=[{Key=Name,Value=moving}]")["NetworkInterface"]
        name = eni["NetworkInterfaceId"]
        aws("ec2", "wait", "network-interface-available", "--network-interface-ids", name)
        for instance in (a, b):
            attachment = aws("ec2", "attach-network-interface", "--network-interface-id", name, "--instance-id", instance,
                             "--device-index", "1")["AttachmentId"]
            shown = aws("ec2", "describe-network-interfaces", "--filters", f"Name=attachment.instance-id,Values={instance}",
                        "Name=tag:Name,Values=mov*")["NetworkInterfaces"]
            self.assertEqual([i["NetworkInterfaceId"] for i in shown], [name])
            self.assertEqual(shown[0]["MacAddress"], eni["MacAddress"])
            self.assertEqual(shown[0]["Description"], "it's <moved> & kept")
            self.assertIn("eth1", self.daemon.inside(instance, "ip", "-brief", "link"))
            error = self.daemon.aws_error("ec2", "delete-network-interface", "--network-interface-id", name)
            self.assertIn("InvalidNetworkInterface.InUse", error)
            aws("ec2", "detach-network-interface", "--attachment-id", attachment)
            aws("ec2", "wait", "network-interface-available", "--network-interface-ids", name)
            eventually(lambda at=instance: "eth1" not in self.daemon.inside(at, "ip", "-brief", "link"), "eth1 to go")
        aws("ec2", "delete-network-interface", "--network-interface-id", name)
        error = self.daemon.aws_error("ec2", "describe-network-interfaces", "--network-interface-ids", name)
        self.assertIn("InvalidNetworkInterfaceID.NotFound", error)
        aws("ec2", "terminate-instances", "--instance-ids", a, b)
        aws("ec2", "wait", "instance-terminated", "--instance-ids", a, b)

    def test_a_security_group_written_as_people_write_it(self):
        aws = self.daemon.aws
        group = aws("ec2", "create-security-group", "--group-name", "web", "--description", "web servers")["GroupId"]
        rules = aws("ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "80-81",
                    "--cidr", "10.0.0.0/8")["SecurityGroupRules"]
        self.assertEqual([(r["FromPort"], r["ToPort"], r["CidrIpv4"]) for r in rules], [(80, 81, "10.0.0.0/8")])
        error = self.daemon.aws_error("ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp",
                                      "--port", "80-81", "--cidr", "10.0.0.0/8")
        self.assertIn("InvalidPermission.Duplicate", error)
        aws("ec2", "revoke-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "80-81", "--cidr",
            "10.0.0.0/8")
        aws("ec2", "delete-security-group", "--group-id", group)

    def test_dry_run_changes_nothing(self):
        error = self.daemon.aws_error("ec2", "create-vpc", "--cidr-block", "10.99.0.0/16", "--dry-run")
        self.assertIn("DryRunOperation", error)
        vpcs = self.daemon.aws("ec2", "describe-vpcs", "--filters", "Name=cidr,Values=10.99.0.0/16")["Vpcs"]
        self.assertEqual(vpcs, [])

    def test_an_operation_enid_does_not_have_says_so(self):
        self.assertRegex(self.daemon.aws_error("ec2", "describe-spot-instance-requests"),
                         r"InvalidAction|UnsupportedOperation|not valid for this web service")


if __name__ == "__main__":
    unittest.main()
