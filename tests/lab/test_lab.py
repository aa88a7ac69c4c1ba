"""Labs come up, get bad links, get well, and go without a trace."""
import os
import pathlib
import signal
import subprocess
import time
import unittest

from enid_lab import BINARY, Lab, LabDaemon, Machine, processes_of, run
from enid_daemon import Network


class NetworkOfALab(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.down)
        cls.told = cls.lab.up("--network-only", "--hosts", "2", "--spines", "2", "--rate", "100mbit")

    def tearDown(self):
        self.lab.must("heal")

    def answers(self, address="100.64.0.2", **more):
        return self.lab.ping("host-1", address, **more)[0]

    def test_hosts_reach_each_other_over_every_spine_with_whole_jumbo_packets(self):
        for address in ("100.64.0.2", "100.64.1.2", "100.64.2.2"):
            self.assertEqual(self.answers(address, count=3, size=9216 - 28), 3, address)

    def test_what_is_told_can_be_typed(self):
        self.assertIn(f"ip netns exec {self.lab.namespace('host-1')} ping -c 3 100.64.0.2", self.told)
        self.assertIn(f"enid lab down --name {self.lab.name}", self.told)
        self.assertIn("spine-1", self.told)

    def test_a_path_loses_what_it_is_told_to_lose_and_the_others_nothing(self):
        self.lab.must("fail", "host-2:spine1", "--loss", "50%")
        # Both ways at 50 %: 25 of 100 come back; the seed makes it the same each time.
        answers = self.answers("100.64.1.2", count=100)
        self.assertTrue(10 <= answers <= 45, answers)
        self.assertEqual(self.answers("100.64.2.2", count=100), 100)

    def test_a_delay_is_of_every_link_and_both_ways(self):
        self.lab.must("fail", "spine2", "--delay", "5ms")
        self.assertGreaterEqual(self.lab.ping("host-1", "100.64.2.2")[1], 20)
        self.assertLess(self.lab.ping("host-1", "100.64.1.2")[1], 20)

    def test_a_pulled_cable_is_noticed_and_the_other_path_used(self):
        self.lab.must("fail", "spine1", "--down")
        self.assertEqual(self.answers(), 20)
        self.assertEqual(self.answers("100.64.1.2", count=3), 0)
        self.lab.must("heal", "spine1")
        self.assertEqual(self.answers("100.64.1.2"), 20)

    def test_a_forwarder_that_dies_breaks_its_links_and_heal_mends_them(self):
        self.lab.must("fail", "spine1", "--delay", "1ms")
        forwarder, = [process for process in self.lab.status()["processes"] if process["role"] == "forwarder spine-1"]
        os.kill(forwarder["pid"], signal.SIGKILL)
        time.sleep(0.2)
        self.assertEqual(self.answers("100.64.1.2", count=3), 0)
        self.assertEqual([process["alive"] for process in self.lab.status()["processes"]], [False])
        self.lab.must("heal")
        self.assertEqual(self.answers("100.64.1.2"), 20)
        self.assertEqual(self.lab.status()["processes"], [])

    def test_a_second_lab_of_the_name_is_refused(self):
        refused = self.lab.enid("up", "--network-only")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is there already", refused.stderr)

    def test_what_cannot_be_is_refused_with_a_way_out(self):
        for words, told in ((("fail", "spine7", "--loss", "1%"), "spine-1 … spine-2"),
                            (("fail", "spine1"), "--loss 5%"),
                            (("fail", "spine1", "--rate", "fast"), "200mbit")):
            refused = self.lab.enid(*words)
            self.assertEqual(refused.returncode, 1, words)
            self.assertIn(told, refused.stderr)


def is_running(pid):
    """Also false for one that has ended and that nobody has asked about yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@unittest.skipUnless(run(BINARY, "card", "--help").returncode == 0, "this enid has no cards for other hosts")
class HostsOfALab(unittest.TestCase):
    def test_instances_on_two_hosts_reach_each_other_and_nothing_is_left(self):
        before = Machine()
        lab = Lab(f"hosts{os.getpid()}")
        self.addCleanup(lab.down)
        daemon = LabDaemon(lab, "--hosts", "2", "--spines", "2")
        self.addCleanup(daemon.close)
        self.assertEqual({host["id"] for host in daemon.status()["hosts"] if host["connected"]}, {"host-1", "host-2"})
        network = Network(daemon.client("ec2"))
        instances = {}
        for number in range(4):
            address = f"10.0.1.{10 + number}"
            instances.setdefault(daemon.host_of(network.run_instance(address)), []).append(address)
        self.assertEqual(set(instances), {"host-1", "host-2"}, "the control plane uses both hosts")
        sender = network.ec2.describe_instances(Filters=[{"Name": "private-ip-address", "Values": instances["host-1"][:1]}])
        answer = daemon.inside(sender["Reservations"][0]["Instances"][0]["InstanceId"], "ping", "-c", "3", "-i", "0.1", "-M", "do",
                               "-s", "8973", instances["host-2"][0])
        self.assertIn("3 received", answer)
        pids = [process["pid"] for process in lab.status()["processes"]]
        self.assertEqual(len(pids), 2)
        daemon.close()
        self.assertEqual(Machine(), before)
        self.assertEqual(processes_of(lab), [])
        self.assertEqual([pid for pid in pids if is_running(pid)], [])


class TracesOfALab(unittest.TestCase):
    def setUp(self):
        self.lab = Lab(f"trace{os.getpid()}")
        self.addCleanup(self.lab.down)
        self.before = Machine()

    def assert_nothing_is_left(self):
        self.assertEqual(Machine(), self.before)
        self.assertEqual(processes_of(self.lab), [])

    def test_a_lab_with_everything_wrong_leaves_nothing(self):
        self.lab.up("--network-only", "--hosts", "3", "--spines", "2", "--rate", "50mbit", "--delay", "1ms", "--fail", "spine2",
                    "--loss", "1%")
        self.assertGreater(len(processes_of(self.lab)), 0)
        self.lab.down()
        self.assert_nothing_is_left()

    def test_an_up_that_is_killed_at_any_moment_leaves_nothing_behind_down(self):
        for moment in (0.0, 0.02, 0.1, 0.4):
            up = subprocess.Popen([BINARY, "lab", "up", "--name", self.lab.name, "--network-only", "--hosts", "6", "--spines", "3",
                                   "--delay", "1ms"], stdout=subprocess.DEVNULL)
            time.sleep(moment)
            up.kill()
            up.wait()
            self.lab.down()
            self.assert_nothing_is_left()

    def test_a_users_program_is_left_alone_and_named(self):
        self.lab.up("--network-only", "--hosts", "2", "--spines", "1")
        program = subprocess.Popen(self.lab.within("host-1", "sleep", "60"))
        try:
            while run("cat", f"/proc/{program.pid}/comm").stdout.strip() != "sleep":
                time.sleep(0.01)
            self.assertIn(f"{program.pid} (sleep)", self.lab.down())
            self.assertIsNone(program.poll())
        finally:
            program.kill()
            program.wait()

    def test_down_without_a_lab_says_so(self):
        self.assertIn("there is no lab", self.lab.down())


if __name__ == "__main__":
    unittest.main()
