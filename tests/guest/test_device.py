"""`enid device`: a guest's network card lives in a process of its own, so that the guest outlives the daemon, and any
QEMU can have it."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

from guest_machine import guest_folder

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))
from enid_daemon import BINARY, EnidTest, Network, eventually  # noqa: E402

NEAR = "10.0.1.10"
GUEST = "10.0.1.20"


def processes_of(state):
    """The `enid device` processes of one state, by id."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"device" in words[:2] and state.encode() in words:
            found.append(int(path.parent.name))
    return found


class Survival(EnidTest):
    """One guest, kept through all that the daemon suffers."""

    @classmethod
    def setUpClass(cls):
        guest = guest_folder()
        super().setUpClass()
        os.symlink(guest, f"{cls.daemon.state}/guest")
        cls.ec2 = cls.daemon.client("ec2")
        cls.net = Network(cls.ec2)
        cls.near = cls.net.run_instance(NEAR)
        cls.guest = cls.net.run_instance(GUEST, ImageId="ami-linux-vm", InstanceType="m5.large")
        eventually(lambda: cls.daemon.run_inside(cls.guest, "true").returncode == 0, "the guest to boot", 180)
        eventually(lambda: cls.answers(GUEST), "the guest's address", 90)

    @classmethod
    def answers(cls, address):
        return cls.daemon.run_inside(cls.near, "ping", "-c", "1", "-W", "1", address).returncode == 0

    def in_guest(self, command):
        return self.daemon.inside(self.guest, "sh", "-c", command)

    def boot_id(self):
        return self.in_guest("cat /proc/sys/kernel/random/boot_id").strip()

    def test_a_transfer_goes_on_where_it_was_after_kill_9_of_the_daemon(self):
        boot = self.boot_id()
        devices = processes_of(self.daemon.state)
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
        eventually(lambda: self.answers(GUEST), "packets after the restart", 30)
        print(f"and packets passed {time.monotonic() - began:.1f} s after its start")
        said = eventually(lambda: "receiver" in (log := self.in_guest("cat /tmp/client.log")) and log,
                          "the end of the transfer", 60)
        print(said)
        intervals = [line for line in said.splitlines() if "Bytes" in line and "ender" not in line and "eceiver" not in line]
        still = [" 0.00 Bytes" in line for line in intervals]
        after = still[still.index(True):] if True in still else still  # A busy host stands still at times, too.
        self.assertGreaterEqual(after.count(False), 3, "it did not go on:\n" + said)
        self.assertEqual(self.boot_id(), boot, "the guest has not been started anew")
        self.assertEqual(processes_of(self.daemon.state), devices)
        kernel = self.in_guest("dmesg")
        self.assertNotIn("Trigger reset", kernel)

    def test_an_idle_device_takes_no_processor(self):
        (device,) = processes_of(self.daemon.state)
        spent = lambda: sum(map(int, pathlib.Path(f"/proc/{device}/stat").read_text().rsplit(")")[1].split()[11:13]))
        before = spent()
        time.sleep(10)
        ticks = spent() - before
        print(f"an idle device's process took {ticks} ticks of {os.sysconf('SC_CLK_TCK')} in 10 s")
        self.assertLess(ticks, 10)

    def test_zz_a_stop_leaves_no_process_and_no_socket(self):
        self.ec2.stop_instances(InstanceIds=[self.guest])
        eventually(lambda: self.net.state(self.guest) == "stopped", "the guest to stop", 60)
        self.assertEqual(processes_of(self.daemon.state), [])
        self.assertEqual(list(pathlib.Path(self.daemon.state).glob("machines/*/eth*.sock")), [])
        self.ec2.start_instances(InstanceIds=[self.guest])
        eventually(lambda: self.answers(GUEST), "the guest to start", 180)
        (device,) = processes_of(self.daemon.state)
        self.daemon.kill()
        os.kill(device, signal.SIGKILL)  # QEMU never connects again: this card is lost.
        self.daemon.up()
        eventually(lambda: self.answers(GUEST), "the guest to be started anew", 180)


class OwnMachine(EnidTest):
    """An interface without an instance, in a QEMU that knows nothing of enid."""

    @classmethod
    def setUpClass(cls):
        cls.guest_files = guest_folder()
        super().setUpClass()
        cls.ec2 = cls.daemon.client("ec2")
        cls.net = Network(cls.ec2)
        cls.near = cls.net.run_instance(NEAR)

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

    def qemu(self, socket):
        console = pathlib.Path(self.daemon.state, "own.log")
        console.touch()
        g = self.guest_files
        process = subprocess.Popen([
            f"{g}/qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg",
            "-machine", "q35,memory-backend=memory", "-m", "256M",
            "-object", "memory-backend-memfd,id=memory,size=256M,share=on",
            "-chardev", f"file,id=console,path={console}", "-serial", "chardev:console",
            "-device", "pcie-root-port,id=port0,bus=pcie.0,addr=0x10,chassis=1,slot=1",
            "-kernel", f"{g}/vmlinuz", "-initrd", f"{g}/root.cpio.zst", "-append", "console=ttyS0 quiet panic=-1",
            "-no-reboot", "-device", json.dumps({"driver": "vfio-user-pci", "id": "eth0", "bus": "port0",
                                                 "socket": {"type": "unix", "path": socket}})],
            stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def answers(self, address):
        return self.daemon.run_inside(self.near, "ping", "-c", "1", "-W", "1", address).returncode == 0

    def test_any_qemu_has_an_available_interface_until_an_instance_takes_it(self):
        interface = self.net.interface(PrivateIpAddress="10.0.1.77", Groups=[self.net.group])["NetworkInterfaceId"]
        device, socket, said = self.device(interface, "first")
        self.assertIn("10.0.1.77", said())
        self.assertIn(f'"path":"{socket}"', said())
        second, _, refused = self.device(interface, "second")
        self.assertEqual(second.wait(10), 1)
        self.assertIn("another process serves", refused())
        self.qemu(socket)
        try:
            eventually(lambda: self.answers("10.0.1.77"), "the guest's answer", 200)
        except AssertionError:
            print(said(), pathlib.Path(self.daemon.state, "own.log").read_text(errors="replace"),
                  self.daemon.enid("status").stdout)
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
