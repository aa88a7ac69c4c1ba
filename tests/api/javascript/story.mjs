// The JavaScript SDK v3 makes a network, launches, moves an interface and cleans up. Each step
// prints one line; the first thing that is not as EC2 would have it ends the story.
import assert from "node:assert/strict";
import * as ec2 from "@aws-sdk/client-ec2";

const client = new ec2.EC2Client({ endpoint: process.env.ENID_ENDPOINT, region: "eu-west-1", maxAttempts: 1 });
const send = (command) => client.send(command);
const tell = (text) => console.log(text);

const vpc = (await send(new ec2.CreateVpcCommand({ CidrBlock: "10.9.0.0/16" }))).Vpc.VpcId;
const subnet = (await send(new ec2.CreateSubnetCommand({ VpcId: vpc, CidrBlock: "10.9.1.0/24" }))).Subnet;
tell(`${vpc}, ${subnet.SubnetId} with ${subnet.AvailableIpAddressCount} free addresses`);
assert.equal(subnet.AvailableIpAddressCount, 251);

const launched = await send(
  new ec2.RunInstancesCommand({
    ImageId: "ami-0123456789abcdef0", InstanceType: "t3.micro", MinCount: 2, MaxCount: 2, SubnetId: subnet.SubnetId,
    TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "Name", Value: "<a & b>" }] }],
  }),
);
const instances = launched.Instances.map((instance) => instance.InstanceId);
await ec2.waitUntilInstanceRunning({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { InstanceIds: instances });
const named = await send(new ec2.DescribeInstancesCommand({ Filters: [{ Name: "tag:Name", Values: ["<a*"] }] }));
assert.equal(named.Reservations[0].Instances.length, 2);
assert.equal(named.Reservations[0].Instances[0].Tags[0].Value, "<a & b>");
tell(`${instances.join(" and ")} run`);

const made = await send(new ec2.CreateNetworkInterfaceCommand({ SubnetId: subnet.SubnetId, PrivateIpAddress: "10.9.1.100" }));
const eni = made.NetworkInterface.NetworkInterfaceId;
for (const instance of instances) {
  const attached = await send(new ec2.AttachNetworkInterfaceCommand({ NetworkInterfaceId: eni, InstanceId: instance, DeviceIndex: 1 }));
  const now = (await send(new ec2.DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [eni] }))).NetworkInterfaces[0];
  assert.equal(now.Attachment.InstanceId, instance);
  assert.ok(now.Attachment.AttachTime instanceof Date);
  assert.equal(now.MacAddress, made.NetworkInterface.MacAddress);
  tell(`${eni} is at ${instance}, ${now.Status}`);
  await send(new ec2.DetachNetworkInterfaceCommand({ AttachmentId: attached.AttachmentId }));
}

await assert.rejects(send(new ec2.DescribeVpcsCommand({ VpcIds: ["vpc-00000000000000000"] })), (error) => {
  assert.equal(error.name, "InvalidVpcID.NotFound");
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert.ok(error.$metadata.requestId);
  return true;
});
await assert.rejects(send(new ec2.DeleteVpcCommand({ VpcId: vpc, DryRun: true })));

const template = (await send(new ec2.CreateLaunchTemplateCommand({
  LaunchTemplateName: "express",
  LaunchTemplateData: {
    ImageId: "ami-0123456789abcdef0", InstanceType: "c6i.8xlarge",
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnet.SubnetId, EnaSrdSpecification: {
      EnaSrdEnabled: true, EnaSrdUdpSpecification: { EnaSrdUdpEnabled: true } } }],
  },
}))).LaunchTemplate;
const express = (await send(new ec2.RunInstancesCommand({
  LaunchTemplate: { LaunchTemplateId: template.LaunchTemplateId }, MinCount: 1, MaxCount: 1,
}))).Instances[0];
assert.deepEqual(express.NetworkInterfaces[0].Attachment.EnaSrdSpecification,
  { EnaSrdEnabled: true, EnaSrdUdpSpecification: { EnaSrdUdpEnabled: true } });
const kept = (await send(new ec2.DescribeLaunchTemplateVersionsCommand({ LaunchTemplateName: "express" }))).LaunchTemplateVersions[0];
assert.equal(kept.LaunchTemplateData.NetworkInterfaces[0].EnaSrdSpecification.EnaSrdUdpSpecification.EnaSrdUdpEnabled, true);
await send(new ec2.DeleteLaunchTemplateCommand({ LaunchTemplateId: template.LaunchTemplateId }));
instances.push(express.InstanceId);
tell(`${express.InstanceId} has ENA Express by ${template.LaunchTemplateId}`);

const names = new Set();
for await (const page of ec2.paginateDescribeInstanceTypes({ client, pageSize: 50 }, { Filters: [{ Name: "instance-type", Values: ["c5*"] }] }))
  for (const type of page.InstanceTypes) names.add(type.InstanceType);
assert.ok(names.has("c5.large") && names.size > 20);
tell(`${names.size} instance types begin with c5`);

await send(new ec2.DeleteNetworkInterfaceCommand({ NetworkInterfaceId: eni }));
await send(new ec2.TerminateInstancesCommand({ InstanceIds: instances }));
await ec2.waitUntilInstanceTerminated({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { InstanceIds: instances });
await send(new ec2.DeleteSubnetCommand({ SubnetId: subnet.SubnetId }));
await send(new ec2.DeleteVpcCommand({ VpcId: vpc }));
tell("gone again");
