"""Up, down, killed, up again: what the operator sees of a daemon's life."""
import os
import pathlib
import re
import stat
import subprocess
import unittest

from enid_daemon import Daemon, EnidTest, Network, eventually


def what_the_machine_has():
    """Namespaces, links and processes that a daemon could leave behind."""
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
    names = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    return {"links": sorted(line.split()[0] for line in links.splitlines()), "netns": sorted(names.split())}


def processes_of(state):
    """Processes whose command line or open files name this state, and all below them."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = entry.joinpath("cmdline").read_bytes() + entry.joinpath("mountinfo").read_bytes()
        except OSError:
            continue
        if state.encode() in text and int(entry.name) != os.getpid():
            found.append((entry.name, entry.joinpath("cmdline").read_bytes()))
    return found


class Lifecycle(unittest.TestCase):
    def start(self, *flags):
        daemon = Daemon(*flags)
        self.addCleanup(daemon.close)
        return daemon

    def test_up_again_changes_nothing(self):
        daemon = self.start()
        before = daemon.status()
        again = daemon.enid("up", "--detach", "--listen", daemon.listen)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("already up", again.stdout)
        self.assertEqual(daemon.status()["pid"], before["pid"])
        self.assertEqual(daemon.status()["revision"], before["revision"])

    def test_a_second_daemon_on_the_same_state_is_refused(self):
        daemon = self.start()
        second = daemon.enid("up", "--listen", "127.0.0.1:0", timeout=20)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("already runs on the state", second.stderr)

    def test_a_taken_port_is_said_in_words(self):
        first = self.start()
        with self.assertRaisesRegex(RuntimeError, "in use"):
            other = Daemon.__new__(Daemon)
            import tempfile
            other.state, other.flags, other.listen = tempfile.mkdtemp(prefix="enidtest-"), (), first.listen
            self.addCleanup(other.close)
            other.up()

    def test_auth_none_is_for_loopback_only(self):
        daemon = self.start()
        other = subprocess.run([__import__("enid_daemon").BINARY, "up", "--state", daemon.state + "-x", "--auth", "none",
                                "--listen", "0.0.0.0:0"], capture_output=True, text=True, timeout=20, check=False)
        self.assertNotEqual(other.returncode, 0)
        self.assertIn("loopback", other.stderr)

    def test_the_state_is_private_and_the_listener_is_on_loopback(self):
        daemon = self.start()
        self.assertEqual(stat.S_IMODE(os.stat(daemon.state).st_mode), 0o700)
        self.assertTrue(daemon.endpoint.startswith("http://127.0.0.1:"))

    def test_daemons_live_side_by_side_with_the_same_addresses(self):
        one, other = self.start(), self.start()
        pings = []
        for daemon in (one, other):
            net = Network(daemon.client("ec2"))
            a, _ = net.run_instance("10.0.1.10"), net.run_instance("10.0.1.11")
            pings.append((daemon, a))
        for daemon, instance in pings:
            daemon.inside(instance, "ping", "-c", "1", "-W", "2", "10.0.1.11")
        one.enid("down")
        other.inside(pings[1][1], "ping", "-c", "1", "-W", "2", "10.0.1.11")

    def test_down_leaves_nothing_and_the_state_survives(self):
        before = what_the_machine_has()
        daemon = self.start()
        ec2 = daemon.client("ec2")
        net = Network(ec2)
        a, b = net.run_instance("10.0.1.10"), net.run_instance("10.0.1.11")
        eni = net.interface(PrivateIpAddress="10.0.1.100", Groups=[net.group])["NetworkInterfaceId"]
        ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=b, DeviceIndex=1)
        down = daemon.enid("down")
        self.assertEqual(down.returncode, 0, down.stderr)
        eventually(lambda: not processes_of(daemon.state), f"no process to remain: {processes_of(daemon.state)}", 5)
        self.assertEqual(what_the_machine_has(), before)
        daemon.up()
        ec2 = net.ec2 = daemon.client("ec2")
        net.await_state(a, "running")
        net.await_state(b, "running")
        eventually(lambda: daemon.run_inside(a, "ping", "-c", "1", "-W", "1", "10.0.1.11").returncode == 0,
                   "the primary interface after the restart")
        eventually(lambda: daemon.run_inside(a, "ping", "-c", "1", "-W", "1", "10.0.1.100").returncode == 0,
                   "the secondary interface after the restart")

    def test_down_when_nothing_runs_is_no_error(self):
        daemon = self.start()
        daemon.enid("down")
        again = daemon.enid("down")
        self.assertEqual(again.returncode, 0)
        self.assertIn("not running", again.stdout)

    def test_keys_are_made_imported_listed_and_deleted(self):
        daemon = self.start()
        made = daemon.enid("key", "create").stdout
        key = re.search(r"AKIA[A-Z0-9]{16}", made)[0]
        self.assertEqual(daemon.enid("key", "import", "MYKEY123456789012345", "mysecret").returncode, 0)
        listed = daemon.enid("key", "list").stdout
        self.assertIn(key, listed)
        self.assertIn("MYKEY123456789012345", listed)
        self.assertNotIn("mysecret", listed)
        daemon.environment.update(AWS_ACCESS_KEY_ID="MYKEY123456789012345", AWS_SECRET_ACCESS_KEY="mysecret")
        daemon.client("sts").get_caller_identity()
        self.assertEqual(daemon.enid("key", "delete", "MYKEY123456789012345").returncode, 0)
        from botocore.exceptions import ClientError
        with self.assertRaises(ClientError):
            daemon.client("sts").get_caller_identity()

    def test_commands_without_a_daemon_say_what_to_do(self):
        daemon = self.start()
        daemon.enid("down")
        for command in (("status",), ("env",), ("key", "list"), ("capture", "-w", "/dev/null")):
            result = daemon.enid(*command)
            self.assertNotEqual(result.returncode, 0, command)
            self.assertIn("enid up", result.stderr, command)


if __name__ == "__main__":
    unittest.main()
