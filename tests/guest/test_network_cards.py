"""A virtual machine of a type with two network cards: each interface at its PCI place, named by card and device index."""
import unittest

from guest_machine import MachineTest, eventually

# Card and device index, name in the guest, and the root port: port 15 is the second function of the first slot.
PLACES = (((0, 0), "eth0", "10.0"), ((1, 0), "eth1000", "18.0"), ((1, 7), "eth1007", "10.1"))


class TwoNetworkCards(MachineTest):
    flags = ("--network-cards", "2")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        interfaces = [{"SubnetId": cls.net.subnet, "Groups": [cls.net.group], "NetworkCardIndex": card, "DeviceIndex": index}
                      for (card, index), _, _ in PLACES]
        cls.guest = cls.ec2.run_instances(MinCount=1, MaxCount=1, ImageId="ami-linux-vm", InstanceType="c6in.32xlarge",
                                          NetworkInterfaces=interfaces)["Instances"][0]["InstanceId"]
        cls.net.await_state(cls.guest, "running")
        cls.await_boot(240)

    def macs(self):
        shown = self.ec2.describe_instances(InstanceIds=[self.guest])["Reservations"][0]["Instances"][0]["NetworkInterfaces"]
        return {(i["Attachment"]["NetworkCardIndex"], i["Attachment"]["DeviceIndex"]): i["MacAddress"] for i in shown}

    def test_each_interface_has_its_name_and_its_place(self):
        macs = self.macs()
        for place, name, port in PLACES:
            eventually(lambda name=name: name in self.in_guest("ls /sys/class/net").split(), name, 60)
            self.assertEqual(self.in_guest(f"cat /sys/class/net/{name}/address").strip(), macs[place], name)
            self.assertIn(f"/0000:00:{port}/", self.in_guest(f"readlink -f /sys/class/net/{name}/device"), name)

    def test_a_hot_attach_finds_its_place_on_the_second_card(self):
        interface = self.net.interface()
        self.ec2.attach_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"], InstanceId=self.guest,
                                          DeviceIndex=1, NetworkCardIndex=1)
        eventually(lambda: interface["MacAddress"] in self.in_guest("cat /sys/class/net/eth1001/address || true"),
                   "eth1001", 30)

    def test_a_device_index_beyond_the_card_is_refused(self):
        interface = self.net.interface()["NetworkInterfaceId"]
        self.assert_code("InvalidParameterValue", self.ec2.attach_network_interface, NetworkInterfaceId=interface,
                         InstanceId=self.guest, DeviceIndex=8, NetworkCardIndex=0)

    def test_status_tells_of_the_queue_pairs_that_the_driver_made(self):
        def ports():
            return [i for i in self.daemon.status()["interfaces"] if i["instance"] == self.guest]
        eventually(lambda: all(i.get("queue_pairs_in_use", 0) > 0 for i in ports()), "the queues of each interface", 60)
        for interface in ports():
            self.assertEqual(interface["port"], "ena")
            self.assertLessEqual(interface["queue_pairs_in_use"], interface["queue_pairs"])
            self.assertIn("virtual_function", interface)


if __name__ == "__main__":
    unittest.main()
