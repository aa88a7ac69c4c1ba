"""Launch templates and ENA Express, by the AWS CLI, boto3 and the calls that Terraform makes."""
import base64
import json
import unittest

from enid_daemon import IMAGE, EnidTest, Network, eventually

ABLE = "c6i.8xlarge"  # Has ENA Express; t3.small has not.


def knowing_ena_express(client):
    """Debian's botocore is older than ENA Express in launch templates and in instances: its model gets those members."""
    shapes = client.meta.service_model._shape_resolver._shape_map
    for name in ("InstanceNetworkInterfaceSpecification", "LaunchTemplateInstanceNetworkInterfaceSpecificationRequest"):
        shapes[name]["members"].setdefault("EnaSrdSpecification", {"shape": "EnaSrdSpecification"})
    for name in ("InstanceNetworkInterfaceAttachment", "LaunchTemplateInstanceNetworkInterfaceSpecification"):
        shapes[name]["members"].setdefault("EnaSrdSpecification", {"shape": "AttachmentEnaSrdSpecification",
                                                                   "locationName": "enaSrdSpecification"})
    return client


def without_empty(value):
    """An answer has an empty list where nothing was said."""
    if isinstance(value, dict):
        return {k: without_empty(v) for k, v in value.items() if v != []}
    return [without_empty(v) for v in value] if isinstance(value, list) else value


class LaunchTemplates(EnidTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ec2 = knowing_ena_express(cls.daemon.client("ec2"))
        cls.net = Network(cls.ec2)

    def settings(self, interface):
        """ENA Express of an attached interface: (on, on for UDP)."""
        told = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
        told = told["Attachment"]["EnaSrdSpecification"]
        return told["EnaSrdEnabled"], told["EnaSrdUdpSpecification"]["EnaSrdUdpEnabled"]

    def run_from(self, template, **more):
        instance = self.ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate=template, **more)["Instances"][0]
        self.net.await_state(instance["InstanceId"], "running")
        return self.ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"][0]["Instances"][0]

    def test_a_template_with_ena_express_launches_an_instance_whose_attachment_has_it(self):
        aws = self.daemon.aws
        data = {"ImageId": IMAGE, "InstanceType": ABLE,
                "UserData": base64.b64encode(b"#!/bin/sh\necho launched by a template\n").decode(),
                "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": self.net.subnet, "Groups": [self.net.group],
                                       "EnaSrdSpecification": {"EnaSrdEnabled": True}}],
                "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "express"}]}]}
        made = self.ec2.create_launch_template(LaunchTemplateName="express", VersionDescription="first",
                                               LaunchTemplateData=data)["LaunchTemplate"]
        self.assertEqual((made["DefaultVersionNumber"], made["LatestVersionNumber"]), (1, 1))
        instance = aws("ec2", "run-instances", "--launch-template", "LaunchTemplateName=express,Version=$Latest")["Instances"][0]
        name = instance["InstanceId"]
        aws("ec2", "wait", "instance-running", "--instance-ids", name)
        told = self.ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]["NetworkInterfaces"][0]
        self.assertEqual(told["Attachment"]["EnaSrdSpecification"]["EnaSrdEnabled"], True)
        self.assertEqual(self.settings(instance["NetworkInterfaces"][0]["NetworkInterfaceId"]), (True, False))
        tags = {t["Key"]: t["Value"] for t in instance["Tags"]}
        self.assertEqual(tags, {"Name": "express", "aws:ec2launchtemplate:id": made["LaunchTemplateId"],
                                "aws:ec2launchtemplate:version": "1"})
        eventually(lambda: "launched by a template" in self.ec2.get_console_output(InstanceId=name).get("Output", ""),
                   "the user data of the template")
        data = aws("ec2", "get-launch-template-data", "--instance-id", name)["LaunchTemplateData"]
        self.assertEqual((data["InstanceType"], data["NetworkInterfaces"][0]["SubnetId"]), (ABLE, self.net.subnet))
        template = aws("ec2", "create-launch-template", "--launch-template-name", "by-hand", "--launch-template-data",
                       json.dumps({"ImageId": IMAGE, "InstanceType": "t3.small"}), "--tag-specifications",
                       "ResourceType=launch-template,Tags=[{Key=team,Value=red}]")["LaunchTemplate"]
        self.assertEqual(template["Tags"], [{"Key": "team", "Value": "red"}])
        found = aws("ec2", "describe-launch-template-versions", "--versions", "$Latest")["LaunchTemplateVersions"]
        self.assertLessEqual({"express", "by-hand"}, {v["LaunchTemplateName"] for v in found})
        error = self.daemon.aws_error("ec2", "run-instances", "--launch-template", "LaunchTemplateName=nobody")
        self.assertIn("InvalidLaunchTemplateName.NotFoundException", error)

    def test_ena_express_is_turned_on_and_off_by_the_cli(self):
        aws = self.daemon.aws
        instance = self.net.run_instance(InstanceType=ABLE)
        interface = self.net.interface(Groups=[self.net.group])["NetworkInterfaceId"]
        attachment = aws("ec2", "attach-network-interface", "--network-interface-id", interface, "--instance-id", instance,
                         "--device-index", "1", "--ena-srd-specification",
                         "EnaSrdEnabled=true,EnaSrdUdpSpecification={EnaSrdUdpEnabled=true}")["AttachmentId"]
        self.assertEqual(self.settings(interface), (True, True))
        aws("ec2", "modify-network-interface-attribute", "--network-interface-id", interface, "--ena-srd-specification",
            "EnaSrdEnabled=false")
        self.assertEqual(self.settings(interface), (False, True))
        error = self.daemon.aws_error("ec2", "modify-network-interface-attribute", "--network-interface-id", interface,
                                      "--ena-srd-specification", "EnaSrdEnabled=true", "--dry-run")
        self.assertIn("DryRunOperation", error)
        self.assertEqual(self.settings(interface), (False, True))
        aws("ec2", "detach-network-interface", "--attachment-id", attachment)
        aws("ec2", "wait", "network-interface-available", "--network-interface-ids", interface)
        again = aws("ec2", "attach-network-interface", "--network-interface-id", interface, "--instance-id", instance,
                    "--device-index", "1")["AttachmentId"]
        self.assertNotEqual(again, attachment)
        self.assertEqual(self.settings(interface), (False, False))
        error = self.daemon.aws_error("ec2", "modify-network-interface-attribute", "--network-interface-id",
                                      self.net.interface()["NetworkInterfaceId"], "--ena-srd-specification", "EnaSrdEnabled=true")
        self.assertIn("InvalidParameterCombination", error)
        small = self.net.run_instance()
        primary = self.ec2.describe_instances(InstanceIds=[small])["Reservations"][0]["Instances"][0]["NetworkInterfaces"][0]
        self.assertNotIn("EnaSrdSpecification", primary["Attachment"])
        self.assert_code("UnsupportedOperation", self.ec2.modify_network_interface_attribute,
                         NetworkInterfaceId=primary["NetworkInterfaceId"], EnaSrdSpecification={"EnaSrdEnabled": True})

    def test_the_types_that_have_ena_express_can_be_listed(self):
        wanted = [{"Name": "network-info.ena-srd-supported", "Values": ["true"]}]
        types = [t for page in self.ec2.get_paginator("describe_instance_types").paginate(Filters=wanted)
                 for t in page["InstanceTypes"]]
        self.assertGreater(len(types), 300)
        self.assertTrue(all(t["NetworkInfo"]["EnaSrdSupported"] for t in types))
        self.assertIn(ABLE, {t["InstanceType"] for t in types})

    def test_templates_outlive_the_daemon(self):
        made = self.ec2.create_launch_template(LaunchTemplateName="lasting", ClientToken="once", LaunchTemplateData={
            "ImageId": IMAGE, "InstanceType": "t3.small", "SecurityGroupIds": [self.net.group]})["LaunchTemplate"]
        name = made["LaunchTemplateId"]
        again = self.ec2.create_launch_template(LaunchTemplateName="lasting", ClientToken="once", LaunchTemplateData={
            "ImageId": IMAGE, "InstanceType": "t3.small", "SecurityGroupIds": [self.net.group]})["LaunchTemplate"]
        self.assertEqual(again["LaunchTemplateId"], name)
        self.assert_code("InvalidLaunchTemplateName.AlreadyExistsException", self.ec2.create_launch_template,
                         LaunchTemplateName="lasting", LaunchTemplateData={"InstanceType": "t3.small"})
        for turn in range(11):
            self.ec2.create_launch_template_version(LaunchTemplateId=name, SourceVersion="1", VersionDescription=f"turn {turn}",
                                                    LaunchTemplateData={"KeyName": f"key{turn}"})
        self.ec2.modify_launch_template(LaunchTemplateId=name, DefaultVersion="5")
        self.ec2.delete_launch_template_versions(LaunchTemplateId=name, Versions=["12", "3"])

        def shown():
            pages = knowing_ena_express(self.daemon.client("ec2")).get_paginator("describe_launch_template_versions").paginate(
                LaunchTemplateId=name, PaginationConfig={"PageSize": 4})
            return [v for page in pages for v in page["LaunchTemplateVersions"]]
        before = shown()
        self.assertEqual([v["VersionNumber"] for v in before], [11, 10, 9, 8, 7, 6, 5, 4, 2, 1])
        self.assertEqual(without_empty(before[0]["LaunchTemplateData"]), {
            "ImageId": IMAGE, "InstanceType": "t3.small", "KeyName": "key9", "SecurityGroupIds": [self.net.group]})
        self.daemon.kill()
        self.daemon.up()
        self.assertEqual(shown(), before)
        ec2 = knowing_ena_express(self.daemon.client("ec2"))
        told = ec2.describe_launch_templates(LaunchTemplateIds=[name])["LaunchTemplates"][0]
        self.assertEqual((told["DefaultVersionNumber"], told["LatestVersionNumber"]), (5, 11))
        self.assertEqual(ec2.create_launch_template_version(
            LaunchTemplateId=name, LaunchTemplateData={"InstanceType": "t3.small"})["LaunchTemplateVersion"]["VersionNumber"], 13)
        type(self).ec2 = self.net.ec2 = ec2

    def test_the_calls_of_terraform_read_back_what_they_wrote(self):
        """aws_launch_template: create, read by id and version, update with a new default, delete, read again."""
        zone = self.ec2.describe_subnets(SubnetIds=[self.net.subnet])["Subnets"][0]["AvailabilityZone"]
        data = {"ImageId": IMAGE, "InstanceType": ABLE, "EbsOptimized": False, "DisableApiStop": True,
                "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "HttpEndpoint": "enabled"},
                "Monitoring": {"Enabled": True}, "CpuOptions": {"CoreCount": 4, "ThreadsPerCore": 2},
                "Placement": {"AvailabilityZone": zone, "Tenancy": "default"},
                "PrivateDnsNameOptions": {"HostnameType": "resource-name", "EnableResourceNameDnsARecord": True},
                "BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Iops": 3000}}],
                "NetworkInterfaces": [{"DeviceIndex": 0, "NetworkCardIndex": 0, "AssociatePublicIpAddress": False,
                                       "Groups": [self.net.group], "SubnetId": self.net.subnet, "InterfaceType": "interface",
                                       "EnaSrdSpecification": {"EnaSrdEnabled": True,
                                                               "EnaSrdUdpSpecification": {"EnaSrdUdpEnabled": True}}}],
                "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "a"}]}]}
        made = self.ec2.create_launch_template(
            LaunchTemplateName="terraform-20261121", ClientToken="tf-1", LaunchTemplateData=data,
            TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "Name", "Value": "x"}]}])["LaunchTemplate"]
        name = made["LaunchTemplateId"]

        def read():
            told = self.ec2.describe_launch_templates(LaunchTemplateIds=[name])["LaunchTemplates"][0]
            version = self.ec2.describe_launch_template_versions(
                LaunchTemplateId=name, Versions=[str(told["LatestVersionNumber"])])["LaunchTemplateVersions"][0]
            return told, without_empty(version["LaunchTemplateData"])
        told, kept = read()
        self.assertEqual(told["Tags"], [{"Key": "Name", "Value": "x"}])
        self.assertEqual(kept, data)

        changed = data | {"InstanceType": "c6i.16xlarge"}
        self.ec2.create_launch_template_version(LaunchTemplateId=name, LaunchTemplateData=changed)
        self.ec2.modify_launch_template(LaunchTemplateId=name, DefaultVersion="2")
        told, kept = read()
        self.assertEqual((told["DefaultVersionNumber"], told["LatestVersionNumber"]), (2, 2))
        self.assertEqual(kept, changed)
        instance = self.run_from({"LaunchTemplateId": name})
        self.assertEqual(instance["InstanceType"], "c6i.16xlarge")
        self.ec2.delete_launch_template(LaunchTemplateId=name)
        self.assert_code("InvalidLaunchTemplateId.NotFound", self.ec2.describe_launch_templates, LaunchTemplateIds=[name])
        self.assert_code("InvalidLaunchTemplateId.NotFound", self.ec2.describe_launch_template_versions,
                         LaunchTemplateId=name, Versions=["1"])


if __name__ == "__main__":
    unittest.main()
