"""Machines for tests/guest that run something else than Linux: an instance whose QEMU the test begins its own way.

    class Story(MachineTest):
        machine = {"-kernel": "ipxe.lkrn", ...}

enid launches `ami-linux-vm` with everything that belongs to it, its ENA card first of all; a small program in
QEMU's place puts the test's own options in place of some of enid's, and the console on a socket."""
import json
import os
import pathlib
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))
from enid_daemon import EnidTest, Network, eventually  # noqa: E402

NEAR = "10.0.1.10"
ADDRESS = "10.0.1.20"

# Runs QEMU with options replaced; each has one value.
STAND_IN = """#!/usr/bin/python3
import json, os, pathlib, sys
state = pathlib.Path({state!r})
wanted = json.loads((state / "machine.json").read_text())
command = [{qemu!r}, *wanted["first"], "-chardev", "socket,id=console,path={state}/console.sock,server=on,wait=off,"
           "logfile={state}/console.log"]
for option, value in wanted["instead"].items():
    command += [option, value]
words = sys.argv[1:]
while words:
    if words[0] in wanted["instead"] or words[0] == "-chardev" and words[1].startswith("file,id=console"):
        del words[:2]
    else:
        command.append(words.pop(0))
(state / "started").touch()
os.execv(command[0], command)
"""


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


class MachineTest(EnidTest):
    """Has a namespace instance at NEAR, and a machine at ADDRESS once a test called start()."""

    @classmethod
    def setUpClass(cls):
        cls.guest_files = guest_folder()
        super().setUpClass()
        cls.state = pathlib.Path(cls.daemon.state)
        stand_in = cls.state / "guest"
        stand_in.mkdir()
        for path in cls.guest_files.iterdir():
            if path.name != "qemu-system-x86_64":
                (stand_in / path.name).symlink_to(path)
        program = stand_in / "qemu-system-x86_64"
        program.write_text(STAND_IN.format(state=str(cls.state), qemu=str(cls.guest_files / "qemu-system-x86_64")))
        program.chmod(0o755)
        cls.ec2 = cls.daemon.client("ec2")
        cls.net = Network(cls.ec2)
        cls.near = cls.net.run_instance(NEAR)

    def start(self, instead, first=()):
        (self.state / "machine.json").write_text(json.dumps({"instead": instead, "first": list(first)}))
        self.machine = self.net.run_instance(ADDRESS, wait=False, ImageId="ami-linux-vm", InstanceType="m5.large")
        path = self.state / "console.sock"  # From here on QEMU runs.
        eventually(path.exists, "the machine's console", 60)
        self.terminal = socket.socket(socket.AF_UNIX)
        self.terminal.connect(str(path))
        self.addCleanup(self.terminal.close)
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
            time.sleep(0.05)
        raise AssertionError(f"none of {words} in {seconds} s:\n{self.console()}")

    def seconds_since_start(self):
        return time.time() - (self.state / "started").stat().st_mtime

    def type(self, line):
        self.terminal.sendall(line.encode() + b"\n")

    def near_run(self, *command):
        return self.daemon.inside(self.near, *command)
