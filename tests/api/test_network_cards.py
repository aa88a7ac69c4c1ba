"""Network cards: a host's virtual functions run out, come back and outlive the daemon; instances with several cards."""
import unittest

from enid_daemon import Daemon, EnidTest, IMAGE, Network, eventually


class SmallHost(unittest.TestCase):
    """A host with one card of two virtual functions."""

    def setUp(self):
        self.daemon = Daemon("--network-cards", "1", "--virtual-functions-per-card", "2")
        self.addCleanup(self.daemon.close)
        self.ec2 = self.daemon.client("ec2")
        self.net = Network(self.ec2)

    assert_code = EnidTest.assert_code

    def cards(self):
        return [(card["in_use"], card["free"]) for card in self.daemon.status()["hosts"][0]["network_cards"]]

    def held(self):
        """Interface -> card and virtual function."""
        return {i["id"]: (i["card"], i["virtual_function"]) for i in self.daemon.status()["interfaces"]
                if "virtual_function" in i}

    def attach(self, interface, instance, index=1):
        return self.ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=instance,
                                                 DeviceIndex=index)["AttachmentId"]

    def detach(self, interface, attachment):
        self.ec2.detach_network_interface(AttachmentId=attachment)
        self.ec2.get_waiter("network_interface_available").wait(
            NetworkInterfaceIds=[interface], WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    def test_attach_is_refused_when_none_is_left_and_done_after_a_detach(self):
        instance = self.net.run_instance()
        first, second = (self.net.interface()["NetworkInterfaceId"] for _ in range(2))
        attachment = self.attach(first, instance)
        self.assertEqual(self.cards(), [(2, 0)])
        error = self.assert_code("InsufficientInstanceCapacity", self.ec2.attach_network_interface,
                                 NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=2)
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 500)
        shown = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[second])["NetworkInterfaces"][0]
        self.assertEqual(shown["Status"], "available")
        self.assertNotIn("Attachment", shown)
        self.detach(first, attachment)
        self.assertEqual(self.cards(), [(1, 1)])
        self.attach(second, instance, 2)
        self.daemon.inside(instance, "ip", "link", "show", "eth2")

    def test_a_launch_that_does_not_fit_leaves_nothing(self):
        before = len(self.ec2.describe_network_interfaces()["NetworkInterfaces"])
        arguments = {"ImageId": IMAGE, "InstanceType": "t3.small", "SubnetId": self.net.subnet}
        error = self.assert_code("InsufficientInstanceCapacity", self.ec2.run_instances, MinCount=3, MaxCount=3, **arguments)
        self.assertIn("We currently do not have sufficient t3.small capacity in the Availability Zone you requested",
                      error["Error"]["Message"])
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 500)
        self.assertEqual(self.ec2.describe_instances()["Reservations"], [])
        self.assertEqual(len(self.ec2.describe_network_interfaces()["NetworkInterfaces"]), before)
        self.assertEqual(self.cards(), [(0, 2)])
        launched = self.ec2.run_instances(MinCount=1, MaxCount=3, **arguments)["Instances"]
        self.assertEqual(len(launched), 2, "as many as fit")

    def test_a_stopped_instance_holds_none_and_starts_when_there_is_room(self):
        stopped, other = (self.net.run_instance() for _ in range(2))
        self.ec2.stop_instances(InstanceIds=[stopped])
        self.net.await_state(stopped, "stopped")
        self.assertEqual(self.cards(), [(1, 1)])
        third = self.net.run_instance()
        error = self.assert_code("InsufficientInstanceCapacity", self.ec2.start_instances, InstanceIds=[stopped])
        self.assertEqual(error["Error"]["Message"], "Insufficient capacity.")
        self.assertEqual(self.net.state(stopped), "stopped")
        self.ec2.terminate_instances(InstanceIds=[other, third])
        self.net.await_state(other, "terminated")
        self.ec2.start_instances(InstanceIds=[stopped])
        self.net.await_state(stopped, "running")

    def test_assignments_outlive_a_crash_and_the_setting_is_kept(self):
        self.daemon.flags = ()  # Said once is enough.
        keeper, leaver = (self.net.run_instance() for _ in range(2))
        self.ec2.terminate_instances(InstanceIds=[leaver])
        self.net.await_state(leaver, "terminated")
        before = self.held()
        self.daemon.kill()
        self.daemon.up()
        self.assertEqual(self.held(), before)
        self.assertEqual(self.cards(), [(1, 1)])
        self.assertEqual(self.net.state(keeper), "running")

    def test_a_host_grows_and_does_not_lose_what_is_in_use(self):
        self.net.run_instance()
        self.daemon.enid("down")
        self.daemon.flags = ("--network-cards", "2")
        self.daemon.up()
        self.net.run_instance()
        self.assertEqual(self.cards(), [(1, 1), (1, 1)])
        self.daemon.enid("down")
        self.daemon.flags = ("--network-cards", "1")
        with self.assertRaisesRegex(RuntimeError, "virtual function 0 of card 1 is held by eni-"):
            self.daemon.up()
        self.daemon.flags = ()
        self.daemon.up()
        self.assertEqual(self.cards(), [(1, 1), (1, 1)])

    def test_the_cli_says_what_ec2_says(self):
        for _ in range(2):
            self.net.run_instance(wait=False)
        self.daemon.environment["AWS_MAX_ATTEMPTS"] = "1"
        said = self.daemon.aws_error("ec2", "run-instances", "--image-id", IMAGE, "--instance-type", "t3.small",
                                     "--subnet-id", self.net.subnet)
        self.assertIn("(InsufficientInstanceCapacity) when calling the RunInstances operation", said)

    def test_status_and_trace_name_host_card_and_virtual_function(self):
        a, b = (self.net.run_instance(f"10.0.1.{last}") for last in (10, 11))
        text = self.daemon.enid("status").stdout
        self.assertIn("network card 0: 2 of 2 virtual functions in use, 0 free", text)
        self.assertRegex(text, f"{a} device 0 +host-1 card 0 VF 0 +tap, 1 queue pair")
        trace = self.daemon.enid("trace", "--from", a, "--to", b, "--proto", "icmp").stdout
        self.assertRegex(trace, "sender +eni-[0-9a-f]+ +host-1 card 0 VF 0 +tap, 1 queue pair\n")
        self.assertRegex(trace, "receiver +eni-[0-9a-f]+ +host-1 card 0 VF 1 +tap, receive queue 0 of 1\n")


class SeveralNetworkCards(EnidTest):
    flags = ("--network-cards", "2")

    def setUp(self):
        self.ec2 = self.daemon.client("ec2")
        self.net = Network(self.ec2)

    def launch(self, instance_type, places):
        interfaces = [{"SubnetId": self.net.subnet, "Groups": [self.net.group], "NetworkCardIndex": card, "DeviceIndex": index}
                      for card, index in places]
        instance = self.ec2.run_instances(MinCount=1, MaxCount=1, ImageId=IMAGE, InstanceType=instance_type,
                                          NetworkInterfaces=interfaces)["Instances"][0]["InstanceId"]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[instance])
        self.net.await_state(instance, "running")
        return instance

    def shown(self, instance):
        described = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return sorted((i["Attachment"]["NetworkCardIndex"], i["Attachment"]["DeviceIndex"], i["MacAddress"], i["PrivateIpAddress"])
                      for i in described["NetworkInterfaces"])

    def test_the_type_says_which_cards_it_has(self):
        info = self.ec2.describe_instance_types(InstanceTypes=["p4d.24xlarge"])["InstanceTypes"][0]["NetworkInfo"]
        self.assertEqual(info["MaximumNetworkCards"], 4)
        self.assertEqual([(card["NetworkCardIndex"], card["MaximumNetworkInterfaces"]) for card in info["NetworkCards"]],
                         [(0, 15), (1, 15), (2, 15), (3, 15)])

    def test_interfaces_on_several_cards_work_and_are_spread_over_the_host(self):
        instance = self.launch("c6in.32xlarge", [(0, 0), (0, 1), (1, 0), (1, 1)])
        places = self.shown(instance)
        self.assertEqual([place[:2] for place in places], [(0, 0), (0, 1), (1, 0), (1, 1)])
        links = self.daemon.inside(instance, "ip", "-brief", "link")
        for (card, index, mac, _), name in zip(places, ("eth0", "eth1", "eth1000", "eth1001")):
            self.assertRegex(links, f"{name} .*{mac}", f"card {card} device {index}")
        peer = self.net.run_instance()
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[peer])
        for _, _, _, address in places:
            self.daemon.inside(peer, "ping", "-c", "1", "-W", "2", address)
        host_cards = {}
        for interface in self.daemon.status()["interfaces"]:
            if interface["instance"] == instance:
                host_cards.setdefault(interface["network_card_index"], set()).add(interface["card"])
        self.assertEqual(len(host_cards[0] | host_cards[1]), 2, host_cards)
        self.assertTrue(all(len(cards) == 1 for cards in host_cards.values()), host_cards)

    def test_hot_attach_to_a_second_card(self):
        instance = self.launch("c6in.32xlarge", [(0, 0), (1, 1)])
        interface = self.net.interface()
        answer = self.ec2.attach_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"], InstanceId=instance,
                                                   DeviceIndex=1, NetworkCardIndex=0)
        self.assertEqual(answer["NetworkCardIndex"], 0)
        self.assertIn(interface["MacAddress"], self.daemon.inside(instance, "ip", "link", "show", "eth1"))
        attached = self.ec2.describe_network_interfaces(
            NetworkInterfaceIds=[interface["NetworkInterfaceId"]])["NetworkInterfaces"][0]["Attachment"]
        self.assertEqual((attached["NetworkCardIndex"], attached["DeviceIndex"]), (0, 1))
        self.ec2.detach_network_interface(AttachmentId=attached["AttachmentId"])
        eventually(lambda: (0, 1) not in [place[:2] for place in self.shown(instance)], "the detach")

    def test_metadata_names_the_card_where_there_are_several(self):
        def of(instance, mac, key):
            return self.daemon.inside(instance, "curl", "-s", "-o", "/dev/stdout", "-w", " %{http_code}",
                                      f"http://169.254.169.254/latest/meta-data/network/interfaces/macs/{mac}/{key}")
        several = self.launch("c6in.32xlarge", [(0, 0), (1, 1)])
        mac = self.shown(several)[1][2]
        self.assertEqual(of(several, mac, "network-card"), "1 200")
        self.assertEqual(of(several, mac, "device-number"), "1 200")
        one = self.net.run_instance()
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[one])
        self.assertTrue(of(one, self.shown(one)[0][2], "network-card").endswith(" 404"))

    def test_what_is_refused(self):
        def places(*places):
            return {"MinCount": 1, "MaxCount": 1, "ImageId": IMAGE,
                    "NetworkInterfaces": [{"SubnetId": self.net.subnet, "NetworkCardIndex": card, "DeviceIndex": index}
                                          for card, index in places]}
        run = self.ec2.run_instances
        error = self.assert_code("InvalidParameterValue", run, InstanceType="t3.small", **places((0, 0), (1, 1)))
        self.assertEqual(error["Error"]["Message"], "NetworkCard index 1 exceeds the limit for t3.small")
        self.assert_code("InvalidParameterValue", run, InstanceType="c6in.32xlarge", **places((0, 0), (2, 0)))
        self.assert_code("InvalidParameterCombination", run, InstanceType="c6in.32xlarge", **places((1, 0)))
        self.assert_code("InvalidParameterValue", run, InstanceType="c6in.32xlarge", **places((0, 0), (1, 3), (1, 3)))
        error = self.assert_code("AttachmentLimitExceeded", run, InstanceType="p5.48xlarge",
                                 **places((0, 0), (7, 0), (7, 1), (7, 2)))
        self.assertIn("network card 7", error["Error"]["Message"])


if __name__ == "__main__":
    unittest.main()
