"""A stock Linux guest whose interfaces are ENA devices of enid: what its driver finds, and what packets do."""
import os
import pathlib
import signal
import time
import unittest

from guest_machine import MachineTest, device_processes, eventually


class Ena(MachineTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set_up_near()
        cls.launch(wait=False, UserData="#!/bin/sh\necho user data ran as $(id -un)\n")
        eventually(lambda: cls.net.state(cls.guest) == "running", "QEMU to start", 120)
        cls.await_boot(300)
        eventually(lambda: cls.answers("10.0.1.20"), "the guest's address", 60)

    def console(self):
        return self.ec2.get_console_output(InstanceId=self.guest).get("Output", "")

    def test_the_driver_is_ena(self):
        self.assertIn("driver: ena\n", self.in_guest("ethtool -i eth0"))
        self.assertIn("Elastic Network Adapter", self.in_guest("modinfo ena"))
        self.assertIn("mtu 9001", self.in_guest("ip link show eth0"))
        statistics = self.in_guest("ethtool -S eth0")
        for name in ("bw_in_allowance_exceeded", "conntrack_allowance_available", "ena_srd_mode", "queue_0_tx_cnt"):
            self.assertIn(name, statistics)

    def test_jumbo_frames_pass_whole(self):
        self.daemon.inside(self.near, "ping", "-c", "3", "-i", "0.2", "-s", "8973", "-M", "do", "10.0.1.20")

    def test_user_data_ran_and_the_console_says_so(self):
        eventually(lambda: "user data ran as root" in self.console(), "the script's output")

    def test_iperf_passes_both_ways(self):
        for direction in ([], ["-R"]):
            self.daemon.inside(self.near, "sh", "-c", "iperf3 -s -1 -D")
            time.sleep(0.5)
            said = self.in_guest(" ".join(["iperf3 -c 10.0.1.10 -t 2", *direction]))
            self.assertIn("receiver", said)

    def test_rings_and_channels_are_changed_under_way(self):
        self.in_guest("ethtool -G eth0 rx 512 tx 256")
        eventually(lambda: self.answers("10.0.1.20"), "packets after new rings")
        self.in_guest("ethtool -L eth0 combined 1")
        eventually(lambda: self.answers("10.0.1.20"), "packets after fewer channels")

    def test_the_driver_is_unloaded_and_loaded(self):
        self.in_guest("modprobe -r ena; sleep 0.3; modprobe ena")
        eventually(lambda: self.answers("10.0.1.20"), "packets after the driver's return", 60)

    def device_process(self):
        """The `enid device` of the guest's first interface."""
        found = device_processes(self.guest)
        self.assertTrue(found, f"no process is a device of {self.guest}")
        return found[0]

    def test_the_drivers_watchdog_resets_a_device_that_fell_silent(self):
        console = next(pathlib.Path(self.daemon.state).glob(f"**/{self.guest}/console.log"))

        def complaints():
            return console.read_text(errors="replace").count("Keep alive watchdog timeout")
        before = complaints()
        device = self.device_process()
        os.kill(device, signal.SIGSTOP)
        try:
            eventually(lambda: self.answers("10.0.1.20"), "packets, which are the card's")
            eventually(lambda: complaints() > before, "the driver to miss the device", 30)
        finally:
            os.kill(device, signal.SIGCONT)
        eventually(lambda: self.answers("10.0.1.20"), "packets after the reset", 30)
        self.assertRegex(self.in_guest("ethtool -S eth0"), r"wd_expired: [1-9]")
        self.assertEqual(self.device_process(), device)

    def test_a_service_address_moves_between_a_guest_and_a_namespace_instance(self):
        service = self.net.interface(PrivateIpAddress="10.0.1.100", Groups=[self.net.group])["NetworkInterfaceId"]
        standby = self.net.run_instance("10.0.1.30")
        for instance in (self.guest, standby, self.guest):
            attachment = self.ec2.attach_network_interface(NetworkInterfaceId=service, InstanceId=instance,
                                                           DeviceIndex=1)["AttachmentId"]
            eventually(lambda: self.answers("10.0.1.100"), f"10.0.1.100 on {instance}", 60)
            self.ec2.detach_network_interface(AttachmentId=attachment)
            self.assertFalse(self.answers("10.0.1.100"))
        # The parked device keeps its place: another interface has to take the next.
        other = self.net.interface(Groups=[self.net.group])["NetworkInterfaceId"]
        self.assert_code("IncorrectState", self.ec2.attach_network_interface, NetworkInterfaceId=other,
                         InstanceId=self.guest, DeviceIndex=1)

    def test_zz_a_reboot_and_a_stop_bring_it_back(self):
        self.ec2.reboot_instances(InstanceIds=[self.guest])
        eventually(lambda: not self.answers("10.0.1.20"), "the guest to go down", 60)
        eventually(lambda: self.answers("10.0.1.20"), "the guest to come back", 120)
        self.ec2.stop_instances(InstanceIds=[self.guest])
        eventually(lambda: self.net.state(self.guest) == "stopped", "the guest to stop", 60)
        self.assertFalse(self.answers("10.0.1.20"))
        self.ec2.start_instances(InstanceIds=[self.guest])
        eventually(lambda: self.answers("10.0.1.20"), "the guest to start", 120)


if __name__ == "__main__":
    unittest.main()
