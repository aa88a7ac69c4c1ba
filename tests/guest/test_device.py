"""`enid device`: a guest's network card lives in a process of its own, so that the guest outlives the daemon, and any
QEMU can have it."""
import os
import pathlib
import signal
import subprocess
import time
import unittest

from guest_machine import ADDRESS, BINARY, NEAR, DeviceTest, MachineTest, device_processes, eventually


class Survival(MachineTest):
    """One guest, kept through all that the daemon suffers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set_up_near()
        cls.launch()
        cls.await_boot(180)
        eventually(lambda: cls.answers(ADDRESS), "the guest's address", 90)

    def boot_id(self):
        return self.in_guest("cat /proc/sys/kernel/random/boot_id").strip()

    def test_a_transfer_goes_on_where_it_was_after_kill_9_of_the_daemon(self):
        boot = self.boot_id()
        devices = device_processes(self.daemon.state)
        self.assertEqual(len(devices), 1)
        self.daemon.inside(self.near, "sh", "-c", "iperf3 -s -1 -D --logfile /tmp/server.log")
        time.sleep(0.5)
        self.in_guest(f"iperf3 -c {NEAR} -t 25 -i 1 >/tmp/client.log 2>&1 &")
        time.sleep(5)
        self.daemon.kill()
        time.sleep(2)
        began = time.monotonic()
        self.daemon.up()
        print(f"the next daemon was up after {time.monotonic() - began:.1f} s")
        eventually(lambda: self.answers(ADDRESS), "packets after the restart", 30)
        print(f"and packets passed {time.monotonic() - began:.1f} s after its start")
        said = eventually(lambda: "receiver" in (log := self.in_guest("cat /tmp/client.log")) and log,
                          "the end of the transfer", 60)
        print(said)
        intervals = [line for line in said.splitlines() if "Bytes" in line and "ender" not in line and "eceiver" not in line]
        still = [" 0.00 Bytes" in line for line in intervals]
        after = still[still.index(True):] if True in still else still  # A busy host stands still at times, too.
        self.assertGreaterEqual(after.count(False), 3, "it did not go on:\n" + said)
        self.assertEqual(self.boot_id(), boot, "the guest has not been started anew")
        self.assertEqual(device_processes(self.daemon.state), devices)
        kernel = self.in_guest("dmesg")
        self.assertNotIn("Trigger reset", kernel)

    def test_an_idle_device_takes_no_processor(self):
        (device,) = device_processes(self.daemon.state)
        spent = lambda: sum(map(int, pathlib.Path(f"/proc/{device}/stat").read_text().rsplit(")")[1].split()[11:13]))
        before = spent()
        time.sleep(10)
        ticks = spent() - before
        print(f"an idle device's process took {ticks} ticks of {os.sysconf('SC_CLK_TCK')} in 10 s")
        self.assertLess(ticks, 10)

    def test_zz_a_stop_leaves_no_process_and_no_socket(self):
        self.ec2.stop_instances(InstanceIds=[self.guest])
        eventually(lambda: self.net.state(self.guest) == "stopped", "the guest to stop", 60)
        self.assertEqual(device_processes(self.daemon.state), [])
        self.assertEqual(list(pathlib.Path(self.daemon.state).glob("machines/*/eth*.sock")), [])
        self.ec2.start_instances(InstanceIds=[self.guest])
        eventually(lambda: self.answers(ADDRESS), "the guest to start", 180)
        (device,) = device_processes(self.daemon.state)
        self.daemon.kill()
        os.kill(device, signal.SIGKILL)  # QEMU never connects again: this card is lost.
        self.daemon.up()
        eventually(lambda: self.answers(ADDRESS), "the guest to be started anew", 180)


class OwnMachine(DeviceTest):
    """An interface without an instance, in a QEMU that knows nothing of enid."""

    def device(self, interface, name):
        socket = f"{self.daemon.state}/{name}.sock"
        log = open(f"{self.daemon.state}/{name}.log", "w+")
        self.addCleanup(log.close)
        process = subprocess.Popen([BINARY, "device", "--state", self.daemon.state, "--eni", interface, "--socket", socket],
                                   stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        said = lambda: pathlib.Path(log.name).read_text()
        eventually(lambda: "One QEMU at a time" in said() or process.poll() is not None, "the device's greeting")
        return process, socket, said

    def test_any_qemu_has_an_available_interface_until_an_instance_takes_it(self):
        interface = self.net.interface(PrivateIpAddress="10.0.1.77", Groups=[self.net.group])["NetworkInterfaceId"]
        device, socket, said = self.device(interface, "first")
        self.assertIn("10.0.1.77", said())
        self.assertIn(f'"path":"{socket}"', said())
        second, _, refused = self.device(interface, "second")
        self.assertEqual(second.wait(10), 1)
        self.assertIn("another process serves", refused())
        self.start_qemu(socket, "-kernel", f"{self.guest_files}/vmlinuz", "-initrd", f"{self.guest_files}/root.cpio.zst",
                        "-append", "console=ttyS0 quiet panic=-1", "-no-reboot")
        try:
            eventually(lambda: self.answers("10.0.1.77"), "the guest's answer", 200)
        except AssertionError:
            print(said(), self.console(), self.daemon.enid("status").stdout)
            raise
        self.assertIn("driver says: Linux", said())
        attachment = self.ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=self.near,
                                                       DeviceIndex=1)["AttachmentId"]
        eventually(lambda: "link down" in said(), "the link to go down")
        self.ec2.detach_network_interface(AttachmentId=attachment)
        eventually(lambda: "link up" in said(), "the link to come back")
        eventually(lambda: self.answers("10.0.1.77"), "the guest's answer again", 60)
        device.terminate()
        self.assertEqual(device.wait(10), 0)
        self.assertFalse(os.path.exists(socket))

    def test_what_cannot_be_had_is_refused_with_the_reason(self):
        for interface, reason in ((self.net.ec2.describe_instances(InstanceIds=[self.near])["Reservations"][0]
                                   ["Instances"][0]["NetworkInterfaces"][0]["NetworkInterfaceId"], "is in use by"),
                                  ("eni-0123456789abcdef0", "there is no network interface"),
                                  ("eth0", "is no id of a network interface")):
            process, _, said = self.device(interface, "refused")
            self.assertNotEqual(process.wait(10), 0)
            self.assertIn(reason, said())


if __name__ == "__main__":
    unittest.main()
