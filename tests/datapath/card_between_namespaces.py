"""A card between two network namespaces, for the stories of this folder: instances 10.0.1.10 and
10.0.1.11 of subnet 10.0.1.0/24 in VPC 10.0.0.0/16, one security group that admits its members.
See bench/datapath/card_between_namespaces.h."""
import os
import subprocess
import unittest

PROGRAM = os.environ.get("ENID_DATAPATH_CARD", "build/dev/tests/datapath/datapath_card")
DEVICE = "ens5"
ADDRESSES = ["10.0.1.10", "10.0.1.11"]
MACS = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]
MTU = 9001


def root(*words):
    subprocess.run(words, check=True, capture_output=True)


class CardStory(unittest.TestCase):
    """Each class has a card of its own."""

    with_addresses = True  # False: the stories get theirs by DHCP.

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, for namespaces and TAP devices")
        cls.namespaces = [f"enidtest-datapath-{os.getpid()}-{end}" for end in "ab"]
        for name in cls.namespaces:
            root("ip", "netns", "add", name)
            cls.addClassCleanup(root, "ip", "netns", "del", name)
            root("ip", "-n", name, "link", "set", "lo", "up")
        cls.card = subprocess.Popen([PROGRAM, "card", DEVICE, *cls.namespaces], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.end_card)
        assert cls.card.stdout.readline() == "ready\n", "the card did not start"
        for name, mac, address in zip(cls.namespaces, MACS, ADDRESSES):
            root("ip", "-n", name, "link", "set", DEVICE, "address", mac, "mtu", str(MTU), "up")
            if cls.with_addresses:
                root("ip", "-n", name, "address", "add", f"{address}/24", "dev", DEVICE)
                root("ip", "-n", name, "route", "add", "default", "via", "10.0.1.1")

    @classmethod
    def end_card(cls):
        """Answers the card's counters, once."""
        if cls.card.stdin.closed:
            return ""
        cls.card.stdin.close()
        counters = cls.card.stdout.read()
        cls.card.stdout.close()
        cls.card.wait(10)
        return counters

    def run_inside(self, end, *words, **options):
        """Runs a command in instance 0 or 1; answers the finished process."""
        return subprocess.run(["ip", "netns", "exec", self.namespaces[end], *words], capture_output=True, text=True,
                              timeout=60, **options)

    def output_inside(self, end, *words, **options):
        done = self.run_inside(end, *words, **options)
        self.assertEqual(done.returncode, 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}")
        return done.stdout
