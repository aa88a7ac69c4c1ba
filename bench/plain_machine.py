"""A QEMU without a daemon, for benches: with QEMU's virtio card on a TAP in a network namespace of its own, where a DHCP
server has one address to give, or with a card behind a vfio-user socket. What it runs comes with its initramfs.

Everything that is started here is ended by its process id, and the namespace removed, at the end."""
import json
import os
import pathlib
import re
import subprocess
import time

GATEWAY = "10.77.0.1"
ADDRESS = "10.77.0.5"


class Network:
    """A namespace with a TAP and, on it, one DHCP server that has one address to give."""

    def __init__(self, folder):
        self.namespace = f"enid-bench-{os.getpid()}"
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

    def close(self):
        if self.server:
            self.server.kill()
            self.server.wait()
        subprocess.run(["ip", "netns", "del", self.namespace])


def usable_accelerator():
    """As the daemon decides: a KVM without the processor's help fails later."""
    flags = re.search(r"^flags.*\b(vmx|svm)\b", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return "kvm" if flags and os.access("/dev/kvm", os.R_OK | os.W_OK) else "tcg"


class Machine:
    """One QEMU with one card, that runs `script` when it has an address. `guest` is what tools/guest/fetch.sh made."""

    def __init__(self, guest, folder, script, network=None, socket=None, processors=os.cpu_count(),
                 posted_writes=True):
        self.console_path = pathlib.Path(folder) / "console.log"
        self.console_path.touch()
        accelerator = usable_accelerator()
        command = [f"{guest}/qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                   "-accel", accelerator, "-cpu", "host" if accelerator == "kvm" else "qemu64",
                   "-machine", "q35,graphics=off,memory-backend=memory", "-m", "384M", "-smp", str(processors),
                   "-object", "memory-backend-memfd,id=memory,size=384M,share=on",
                   "-chardev", f"file,id=console,path={self.console_path}", "-serial", "chardev:console",
                   "-kernel", f"{guest}/vmlinuz", "-initrd", initrd(guest, folder, script),
                   "-append", "console=ttyS0 quiet panic=-1", "-no-reboot",
                   "-device", "pcie-root-port,id=port0,bus=pcie.0,addr=0x10,chassis=1,slot=1"]
        if socket:
            device = {"driver": "vfio-user-pci", "id": "eth0", "bus": "port0",
                      "socket": {"type": "unix", "path": socket}, "x-no-posted-writes": not posted_writes}
        else:
            command += ["-netdev", "tap,id=net-eth0,ifname=tap0,script=no,downscript=no"]
            device = {"driver": "virtio-net-pci", "id": "eth0", "bus": "port0", "netdev": "net-eth0",
                      "mac": "02:00:00:00:00:05", "romfile": ""}
        command = [*command, "-device", json.dumps(device)]
        self.process = subprocess.Popen(network.inside(*command) if network else command,
                                        stdin=subprocess.DEVNULL)

    def console(self):
        return self.console_path.read_text(errors="replace")

    def wait_for(self, words, seconds):
        until = time.monotonic() + seconds
        while words not in self.console():
            if self.process.poll() is not None:
                raise AssertionError(f"QEMU ended with status {self.process.returncode}:\n{self.console()}")
            if time.monotonic() > until:
                raise AssertionError(f"no {words!r} in {seconds} s:\n{self.console()}")
            time.sleep(0.05)

    def close(self):
        self.process.kill()
        self.process.wait()


def initrd(guest, folder, script):
    """The root file system, and `script` where enid's guests look for user data."""
    overlay = pathlib.Path(folder) / "overlay" / "etc" / "enid"
    overlay.mkdir(parents=True)
    (overlay / "user_data").write_text(script)
    archive = subprocess.run("find . -mindepth 1 | cpio --quiet -o -H newc", shell=True, check=True,
                             cwd=overlay.parent.parent, stdout=subprocess.PIPE).stdout
    shared = (pathlib.Path(guest) / "root.cpio.zst").read_bytes()
    path = pathlib.Path(folder) / "initrd"
    path.write_bytes(shared + b"\0" * (-len(shared) % 4) + archive)
    return str(path)
