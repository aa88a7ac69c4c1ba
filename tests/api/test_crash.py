"""kill -9: nothing acknowledged is lost, nothing half-made is visible, packets flow again."""
import threading
import unittest

from botocore.exceptions import BotoCoreError, ClientError

from enid_daemon import Daemon, Network, eventually

CALLERS = 32
CALLS_EACH = 40  # More than a thousand together; the daemon dies among them.


class Crash(unittest.TestCase):
    def start(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        return daemon

    def test_nothing_acknowledged_is_lost_and_nothing_half_made_is_visible(self):
        daemon = self.start()
        net = Network(daemon.client("ec2"))
        acknowledged, lock, begun = [], threading.Lock(), threading.Barrier(CALLERS + 1)

        def call(number):
            ec2 = daemon.client("ec2", connect_timeout=2, read_timeout=5)
            begun.wait()
            for turn in range(CALLS_EACH):
                try:
                    eni = ec2.create_network_interface(
                        SubnetId=net.subnet, Description=f"{number}/{turn}", Groups=[net.group],
                        TagSpecifications=[{"ResourceType": "network-interface",
                                            "Tags": [{"Key": "turn", "Value": f"{number}/{turn}"}]}])["NetworkInterface"]
                except (ClientError, BotoCoreError):
                    return  # The daemon is gone, or the subnet is full.
                with lock:
                    acknowledged.append((eni["NetworkInterfaceId"], eni["PrivateIpAddress"], f"{number}/{turn}"))
        callers = [threading.Thread(target=call, args=(n,)) for n in range(CALLERS)]
        for caller in callers:
            caller.start()
        begun.wait()
        eventually(lambda: len(acknowledged) > 60, "some calls to be answered", 30, 0.001)
        daemon.kill()
        for caller in callers:
            caller.join()
        daemon.up()
        shown = {}
        for page in daemon.client("ec2").get_paginator("describe_network_interfaces").paginate(
                Filters=[{"Name": "subnet-id", "Values": [net.subnet]}]):
            shown.update((i["NetworkInterfaceId"], i) for i in page["NetworkInterfaces"])
        for eni, address, turn in acknowledged:
            self.assertIn(eni, shown)
            self.assertEqual((shown[eni]["PrivateIpAddress"], shown[eni]["Description"]), (address, turn))
        for eni in shown.values():  # Also those whose answer was lost are whole.
            self.assertEqual([t["Value"] for t in eni["TagSet"]], [eni["Description"]])
            self.assertEqual([g["GroupId"] for g in eni["Groups"]], [net.group])
        addresses = [a["PrivateIpAddress"] for i in shown.values() for a in i["PrivateIpAddresses"]]
        self.assertEqual(len(addresses), len(set(addresses)))
        free = daemon.client("ec2").describe_subnets(SubnetIds=[net.subnet])["Subnets"][0]["AvailableIpAddressCount"]
        self.assertEqual(free, 251 - len(addresses))
        print(f"{len(acknowledged)} acknowledged before the kill, {len(shown)} found after it")

    def test_instances_outlive_the_daemon_and_are_adopted(self):
        daemon = self.start()
        net = Network(daemon.client("ec2"))
        a, b = net.run_instance("10.0.1.10"), net.run_instance("10.0.1.11")
        eni = net.interface(PrivateIpAddress="10.0.1.100", Groups=[net.group])["NetworkInterfaceId"]
        net.ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=b, DeviceIndex=1)
        eventually(lambda: daemon.run_inside(a, "ping", "-c", "1", "-W", "1", "10.0.1.100").returncode == 0, "eth1 of B")
        # A process that started before the crash and must be the same after it.
        daemon.inside(a, "sh", "-c", "sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > /tmp/enid-test-sleeper")
        booted = daemon.inside(a, "sh", "-c", "cat /tmp/enid-test-sleeper; cat /proc/1/stat | cut -d ' ' -f 22")
        daemon.kill()
        daemon.up()
        net.ec2 = daemon.client("ec2")
        self.assertEqual([net.state(a), net.state(b)], ["running", "running"])
        for target in ("10.0.1.11", "10.0.1.100"):
            eventually(lambda t=target: daemon.run_inside(a, "ping", "-c", "1", "-W", "1", t).returncode == 0,
                       f"packets to {target} after the crash")
        self.assertEqual(
            daemon.inside(a, "sh", "-c", "cat /tmp/enid-test-sleeper; cat /proc/1/stat | cut -d ' ' -f 22"), booted)
        # And everything can still be changed.
        attachment = net.ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]["Attachment"]
        net.ec2.detach_network_interface(AttachmentId=attachment["AttachmentId"])
        net.ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=a, DeviceIndex=1)
        eventually(lambda: daemon.run_inside(b, "ping", "-c", "1", "-W", "1", "10.0.1.100").returncode == 0,
                   "the moved interface after the crash")


if __name__ == "__main__":
    unittest.main()
