"""A lab of one test or bench: `enid lab` with a name of its own, and what the machine has before and after."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests" / "api"))
from enid_daemon import Daemon  # noqa: E402

BINARY = os.environ.get("ENID_BINARY", str(ROOT / "build" / "release" / "enid"))


def run(*command, **options):
    options.setdefault("timeout", 120)
    return subprocess.run(command, text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False, **options)


class Lab:
    """Not up until up() is called; down() at any time."""

    def __init__(self, name=None):
        self.name = name or f"test{os.getpid()}"

    def enid(self, action, *arguments):
        return run(BINARY, "lab", action, "--name", self.name, *arguments)

    def must(self, action, *arguments):
        result = self.enid(action, *arguments)
        if result.returncode != 0:
            raise AssertionError(f"enid lab {action}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def up(self, *arguments):
        return self.must("up", *arguments)

    def down(self):
        return self.must("down")

    def status(self):
        return json.loads(self.must("status", "--json"))

    def namespace(self, part):
        return f"enid-lab-{self.name}-{part}"

    def within(self, part, *command):
        """The words that run a command in a host or spine: "host-1", "spine-2"."""
        return ["ip", "netns", "exec", self.namespace(part), *command]

    def ping(self, host, address, count=20, size=56):
        """(how many answers came, their median time in milliseconds)"""
        result = run(*self.within(host, "ping", "-c", str(count), "-i", "0.01", "-W", "1", "-M", "do", "-s", str(size), address))
        times = sorted(float(time) for time in re.findall(r"time=([0-9.]+)", result.stdout))
        return len(times), times[len(times) // 2] if times else None


class LabDaemon(Daemon):
    """The daemon of a whole lab, with a card in each host: up() and close() are the lab's."""

    def __init__(self, lab, *flags):
        self.lab = lab
        super().__init__(*flags)

    def up(self):
        enid = self.enid

        def lab_up(command, *arguments, **options):
            if command != "up":
                return enid(command, *arguments, **options)
            return run(BINARY, "lab", "up", "--name", self.lab.name, "--state", self.state,
                       *[word for word in arguments if word != "--detach"], timeout=180)
        self.enid = lab_up
        try:
            super().up()
        finally:
            self.enid = enid

    def close(self):
        down = self.lab.enid("down")
        shutil.rmtree(self.state, ignore_errors=True)
        return down

    def host_of(self, instance):
        return next(path.parent.parent.name for path in pathlib.Path(self.state, "hosts").glob(f"*/instances/{instance}"))

    def exec_words(self, instance, *command):
        """The words that run a command in an instance."""
        return [BINARY, "exec", "--state", self.state, "-T", instance, "--", *command]


class Machine:
    """What a lab must not leave behind."""

    def __init__(self):
        self.namespaces = sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []
        self.links = sorted(os.listdir("/sys/class/net"))
        self.records = sorted(name for name in os.listdir("/run/enid-lab") if not name.endswith(".lock")) \
            if os.path.isdir("/run/enid-lab") else []
        self.addresses = run("ip", "-o", "-4", "address").stdout
        self.routes = run("ip", "-4", "route", "show", "table", "all").stdout

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return repr(vars(self))


def processes_of(lab):
    """Every process whose words or whose network namespace are of this lab."""
    networks = {}
    for part in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        if part.startswith(lab.namespace("")):
            networks[os.stat(f"/run/netns/{part}").st_ino] = part
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            inside = os.stat(folder / "ns" / "net").st_ino in networks
        except OSError:
            continue  # It has ended meanwhile.
        if inside or lab.name.encode() in words:
            found.append(int(folder.name))
    return found
