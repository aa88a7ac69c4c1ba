"""Machines for tests/guest: QEMU as tools/guest/fetch.sh prepared it, in a network namespace of
the test's own with a TAP and a DHCP server, or with its card behind a vfio-user socket.

Everything a test starts is ended by its process id, and its namespace removed, at the end."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

GATEWAY = "10.77.0.1"
ADDRESS = "10.77.0.5"


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


def vfio_user_socket():
    """ENID_TEST_VFIO_USER: where a card listens that stands in for the virtio card."""
    return os.environ.get("ENID_TEST_VFIO_USER")


class Network:
    """A namespace with a TAP and, on it, one DHCP server that has one address to give."""

    def __init__(self, folder):
        self.namespace = f"enid-guest-{os.getpid()}"
        self.server = None
        self.folder = pathlib.Path(folder)
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        for command in ("link set lo up", "tuntap add tap0 mode tap", "link set tap0 mtu 9001 up",
                        f"addr add {GATEWAY}/24 dev tap0"):
            subprocess.run(["ip", "-n", self.namespace, *command.split()], check=True)
        configuration = self.folder / "udhcpd.conf"
        configuration.write_text(
            f"interface tap0\nstart {ADDRESS}\nend {ADDRESS}\nmax_leases 1\narpping_time 0\n"
            f"lease_file {self.folder}/leases\npidfile {self.folder}/udhcpd.pid\n"
            f"option subnet 255.255.255.0\noption router {GATEWAY}\noption dns 10.77.0.2\noption mtu 9001\n")
        (self.folder / "leases").touch()
        self.server = subprocess.Popen(self.inside("busybox", "udhcpd", "-f", str(configuration)),
                                       stderr=subprocess.DEVNULL)

    def inside(self, *command):
        return ["ip", "netns", "exec", self.namespace, *command]

    def answers(self, address):
        return subprocess.run(self.inside("ping", "-c", "3", "-i", "0.2", "-W", "2", address),
                              stdout=subprocess.DEVNULL).returncode == 0

    def close(self):
        if self.server:
            self.server.kill()
            self.server.wait()
        subprocess.run(["ip", "netns", "del", self.namespace])


class Machine:
    """One QEMU with one card at the port of device index 0."""

    def __init__(self, guest, folder, boot, network=None, socket=None):
        self.console_path = pathlib.Path(folder) / "console.log"
        self.console_path.touch()
        command = [f"{guest}/qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                   "-accel", os.environ.get("ENID_TEST_ACCELERATOR", "tcg"),
                   "-machine", "q35,graphics=off,memory-backend=memory", "-m", "256M",
                   "-object", "memory-backend-memfd,id=memory,size=256M,share=on",
                   "-chardev", f"file,id=console,path={self.console_path}", "-serial", "chardev:console",
                   "-device", "pcie-root-port,id=port0,bus=pcie.0,addr=0x10,chassis=1,slot=1", *boot]
        if socket:
            device = {"driver": "vfio-user-pci", "id": "eth0", "bus": "port0",
                      "socket": {"type": "unix", "path": socket}}
        else:
            command += ["-netdev", "tap,id=net-eth0,ifname=tap0,script=no,downscript=no"]
            device = {"driver": "virtio-net-pci", "id": "eth0", "bus": "port0", "netdev": "net-eth0",
                      "mac": "02:00:00:00:00:05", "romfile": ""}
        command = [*command, "-device", json.dumps(device)]
        self.began = time.monotonic()
        self.process = subprocess.Popen(network.inside(*command) if network else command,
                                        stdin=subprocess.DEVNULL)

    def console(self):
        return self.console_path.read_text(errors="replace")

    def wait_for(self, *words, seconds=60):
        """The first of these words that the console says, and the seconds since the start."""
        while time.monotonic() - self.began < seconds:
            text = self.console()
            for word in words:
                if word in text:
                    return word, time.monotonic() - self.began
            if self.process.poll() is not None:
                raise AssertionError(f"QEMU ended with status {self.process.returncode}:\n{text}")
            time.sleep(0.05)
        raise AssertionError(f"none of {words} in {seconds} s:\n{self.console()}")

    def close(self):
        self.process.kill()
        self.process.wait()


class GuestTestCase(unittest.TestCase):
    def setUp(self):
        self.guest = guest_folder()
        self.folder = tempfile.mkdtemp(prefix="enid-guest-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.socket = vfio_user_socket()
        self.network = None
        if not self.socket:
            self.network = Network(self.folder)
            self.addCleanup(self.network.close)

    def start(self, boot):
        machine = Machine(self.guest, self.folder, boot, self.network, self.socket)
        self.addCleanup(machine.close)
        return machine
