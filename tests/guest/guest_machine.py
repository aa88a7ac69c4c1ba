"""Machines for tests/guest: instances of enid's (MachineTest), or a QEMU of the test's own, its card served by
`enid device` (DeviceTest).

    class Story(DeviceTest):
        def test_something(self):
            self.start("-kernel", ...)
            self.wait_for("login:")

Everything is ended by its process id at the end."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))
from enid_daemon import BINARY, EnidTest, Network, eventually  # noqa: E402

NEAR = "10.0.1.10"
ADDRESS = "10.0.1.20"


def guest_folder():
    """STATE/guest, from ENID_TEST_GUEST. Only who does not name one leaves the test out."""
    folder = os.environ.get("ENID_TEST_GUEST")
    if not folder:
        raise unittest.SkipTest("ENID_TEST_GUEST is not set")
    if not os.path.exists(f"{folder}/qemu-system-x86_64"):
        raise AssertionError(f"ENID_TEST_GUEST={folder} was not made by tools/guest/fetch.sh")
    if os.geteuid() != 0:
        raise AssertionError("network namespaces need root")
    return pathlib.Path(folder).absolute()


def device_processes(word):
    """The `enid device` processes with this word, a state or an instance, in their command lines; by id."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"device" in words[:2] and word.encode() in words:
            found.append(int(path.parent.name))
    return found


class GuestTest(EnidTest):
    """A daemon that may start machines; set_up_near() makes `cls.near`, a namespace instance at NEAR."""

    @classmethod
    def setUpClass(cls):
        cls.guest_files = guest_folder()
        super().setUpClass()
        cls.state = pathlib.Path(cls.daemon.state)
        os.symlink(cls.guest_files, cls.state / "guest")
        cls.ec2 = cls.daemon.client("ec2")
        cls.net = Network(cls.ec2)

    @classmethod
    def set_up_near(cls):
        cls.near = cls.net.run_instance(NEAR)

    @classmethod
    def answers(cls, address):
        return cls.daemon.run_inside(cls.near, "ping", "-c", "1", "-W", "1", address).returncode == 0


class MachineTest(GuestTest):
    """Runs virtual machines as instances; launch() makes `cls.guest`, at ADDRESS."""

    @classmethod
    def launch(cls, wait=True, **more):
        cls.guest = cls.net.run_instance(ADDRESS, wait=wait, ImageId="ami-linux-vm", InstanceType="m5.large", **more)

    @classmethod
    def await_boot(cls, seconds):
        eventually(lambda: cls.daemon.run_inside(cls.guest, "true", timeout=seconds).returncode == 0,
                   "the guest to boot", seconds)

    @classmethod
    def in_guest(cls, command, **options):
        return cls.daemon.inside(cls.guest, "sh", "-c", command, **options)


class DeviceTest(GuestTest):
    """Has a namespace instance at NEAR, and once a test called start() a machine at ADDRESS."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set_up_near()
        cls.interface = cls.net.interface(PrivateIpAddress=ADDRESS, Groups=[cls.net.group])["NetworkInterfaceId"]

    def run_until_the_end(self, *command, **options):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def start(self, *boot, memory="256M", processors=1, machine="q35", first=(), queue_pairs=1):
        """`first` are devices that QEMU must know before the card."""
        card = self.state / "card.sock"
        device = self.run_until_the_end(
            BINARY, "device", "--state", self.state, "--eni", self.interface, "--socket", card,
            "--queue-pairs", str(queue_pairs), stdout=subprocess.DEVNULL)
        eventually(lambda: card.exists() or device.poll() is not None, "the card's socket")
        self.start_qemu(card, *boot, memory=memory, processors=processors, machine=machine, first=first)

    def start_qemu(self, card, *boot, memory="256M", processors=1, machine="q35", first=()):
        """A machine whose card is served on this socket."""
        console = self.state / "console.sock"
        self.started = time.monotonic()
        self.qemu = self.run_until_the_end(
            self.guest_files / "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
            "-accel", "tcg", "-machine", f"{machine},memory-backend=memory", "-m", memory, "-smp", str(processors),
            "-object", f"memory-backend-memfd,id=memory,size={memory},share=on",
            "-chardev", f"socket,id=console,path={console},server=on,wait=off,logfile={self.state}/console.log",
            "-serial", "chardev:console", *first,
            "-device", "pcie-root-port,id=port0,bus=pcie.0,addr=0x10,chassis=1,slot=1",
            "-device", json.dumps({"driver": "vfio-user-pci", "id": "eth0", "bus": "port0",
                                   "socket": {"type": "unix", "path": str(card)}}), *boot)
        self.terminal = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.terminal.close)
        # QEMU makes the file before it listens there.
        eventually(lambda: self.terminal.connect_ex(str(console)) == 0 or self.qemu.poll() is not None,
                   "QEMU's console", 60)
        # What nobody reads stops the guest's console; QEMU writes it to the log too.
        threading.Thread(target=self.read_all, daemon=True).start()

    def read_all(self):
        try:
            while self.terminal.recv(65536):
                pass
        except OSError:
            pass

    def console(self):
        return (self.state / "console.log").read_text(errors="replace")

    def wait_for(self, *words, seconds=90, after=0):
        """The first of these words that the console says behind so many characters."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            text = self.console()[after:]
            for word in words:
                if word in text:
                    return word
            if self.qemu.poll() is not None:
                raise AssertionError(f"QEMU ended with status {self.qemu.returncode}:\n{text}")
            time.sleep(0.05)
        raise AssertionError(f"none of {words} in {seconds} s:\n{self.console()}")

    def seconds_since_start(self):
        return time.monotonic() - self.started

    def processor_seconds(self):
        """What QEMU has used."""
        user, system = pathlib.Path(f"/proc/{self.qemu.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def type(self, line):
        self.terminal.sendall(line.encode() + b"\n")

    def near_run(self, *command):
        return self.daemon.inside(self.near, *command)
