"""A control plane without a card of its own, and the cards of host-2 and host-3, each in a network namespace; a
veth pair between the two is the network between hosts (10.99.0.2 and 10.99.0.3, MTU 9216).

Everything has its own temporary folders and names with this process's id, and is gone afterwards.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))
from enid_daemon import BINARY, IMAGE, Daemon, eventually  # noqa: E402

UNDERLAY_MTU = 9216


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, **options)


class Card:
    """`enid card` in a network namespace of its own."""

    def __init__(self, host, address, api, *flags, namespace=None):
        self.host, self.address, self.api, self.flags, self.namespace = host, address, api, flags, namespace
        self.state = tempfile.mkdtemp(prefix=f"enidtest-{host}-")
        self.process = None

    def command(self):
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        return [*inside, BINARY, "card", "--host-id", self.host, "--api", self.api, "--address", self.address, "--state",
                self.state, *self.flags]

    def up(self):
        self.log = open(os.path.join(self.state, "card.log"), "a")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def refusal(self, timeout=20):
        """What a card that is not admitted says."""
        done = subprocess.run(self.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        assert done.returncode != 0, f"it was admitted: {done.stdout}"
        return done.stderr

    def end(self, how=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(30)
        self.process = None
        self.log.close()

    def text_of_log(self):
        return pathlib.Path(self.state, "card.log").read_text()[-4000:]

    def close(self):
        if self.process is not None:
            subprocess.run([BINARY, "down", "--state", self.state], capture_output=True, check=False)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.state, ignore_errors=True)


class ClusterTest(unittest.TestCase):
    """Each class has a control plane and two hosts of its own."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, for namespaces and TAP devices")
        cls.namespaces = {}
        for number in (2, 3):
            name = f"enidtest-{os.getpid()}-host-{number}"
            run("ip", "netns", "add", name)
            cls.addClassCleanup(subprocess.run, ["ip", "netns", "del", name], check=False)
            run("ip", "-n", name, "link", "set", "lo", "up")
            cls.namespaces[number] = name
        run("ip", "-n", cls.namespaces[2], "link", "add", "underlay", "mtu", str(UNDERLAY_MTU), "type", "veth", "peer",
            "name", "underlay", "mtu", str(UNDERLAY_MTU), "netns", cls.namespaces[3])
        for number, name in cls.namespaces.items():
            run("ip", "-n", name, "address", "add", f"10.99.0.{number}/24", "dev", "underlay")
            run("ip", "-n", name, "link", "set", "underlay", "up")
        cls.daemon = Daemon("--no-card")
        cls.addClassCleanup(cls.daemon.close)
        cls.cards = {}
        for number, name in cls.namespaces.items():
            card = Card(f"host-{number}", f"10.99.0.{number}", f"unix:{cls.daemon.state}/cards.sock", namespace=name)
            cls.addClassCleanup(card.close)
            card.up()
            cls.cards[number] = card
        cls.wait_connected(2, 3)

    @classmethod
    def hosts(cls):
        return {host["id"]: host for host in json.loads(cls.daemon.enid("host", "list", "--json").stdout)["hosts"]}

    @classmethod
    def wait_connected(cls, *numbers):
        try:
            eventually(lambda: all(cls.hosts().get(f"host-{n}", {}).get("connected") for n in numbers), "the cards")
        except AssertionError as error:
            logs = "".join(cls.cards[n].text_of_log() for n in numbers if n in cls.cards)
            raise AssertionError(f"{error}\n{logs}\n{cls.daemon.log()}") from None

    def launch(self, count):
        """Instances that run, spread over the hosts; answers [(id, address, host number)]."""
        answer = self.daemon.aws("ec2", "run-instances", "--image-id", IMAGE, "--instance-type", "t3.micro", "--count",
                                 str(count))
        ids = [instance["InstanceId"] for instance in answer["Instances"]]
        self.addCleanup(self.daemon.enid, "aws", "ec2", "terminate-instances", "--instance-ids", *ids)
        self.daemon.aws("ec2", "wait", "instance-running", "--instance-ids", *ids)
        return [self.where(instance) for instance in ids]

    def where(self, instance):
        [reservation] = self.daemon.aws("ec2", "describe-instances", "--instance-ids", instance)["Reservations"]
        [record] = reservation["Instances"]
        tags = {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])}
        return instance, record["PrivateIpAddress"], int(tags["aws:enid:host"].removeprefix("host-"))

    def one_on_each(self):
        launched = self.launch(2)
        by_host = {number: (instance, address) for instance, address, number in launched}
        self.assertEqual(sorted(by_host), [2, 3], "instances are spread over the hosts")
        # Everybody may speak with everybody in the default security group; the host's exec asks the init.
        return by_host

    def in_background(self, instance, *command, **options):
        """A command inside an instance that goes on; the caller waits for it."""
        process = subprocess.Popen([BINARY, "exec", "--state", self.daemon.state, "-T", instance, "--", *command],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   **options)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process
