"""Instances on two hosts, behind one control plane that comes and goes."""
import hashlib
import json
import os
import re
import subprocess
import time
import unittest

from two_hosts import BINARY, Card, ClusterTest, eventually

LOSS = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")


def lost(ping_output):
    match = LOSS.search(ping_output)
    assert match, ping_output
    return int(match[1]) - int(match[2])


class TwoHosts(ClusterTest):
    def test_1_instances_of_two_hosts_reach_each_other(self):
        by_host = self.one_on_each()
        (first, first_address), (second, second_address) = by_host[2], by_host[3]
        self.assertIn(" 0% packet loss", self.daemon.inside(first, "ping", "-c", "5", "-i", "0.2", second_address))
        self.assertIn(" 0% packet loss", self.daemon.inside(second, "ping", "-c", "3", "-i", "0.2", first_address))
        status = self.daemon.enid("status").stdout
        self.assertIn("connected since", status)
        trace = self.daemon.enid("trace", "--from", first, "--to", second_address, "--proto", "icmp")
        self.assertEqual(trace.returncode, 0, trace.stdout + trace.stderr)
        self.assertRegex(trace.stdout, r"host-3 +enters")  # The second card's half follows.
        self.assertIn("security_group_ingress", trace.stdout)
        # The card's own socket knows its own.
        own = json.loads(subprocess.run([BINARY, "status", "--state", self.cards[2].state, "--json"],
                                        capture_output=True, text=True, check=True).stdout)
        self.assertIn(first, [interface["instance"] for interface in own["interfaces"]])

    def test_2_an_address_fails_over_from_one_host_to_the_other(self):
        launched = self.launch(3)
        on = {number: [entry for entry in launched if entry[2] == number] for number in (2, 3)}
        active, standby = on[2][0][0], on[3][0][0]
        client = next(entry[0] for entry in launched if entry[0] not in (active, standby))
        subnet = self.daemon.aws("ec2", "describe-instances", "--instance-ids",
                                 active)["Reservations"][0]["Instances"][0]["SubnetId"]
        eni = self.daemon.aws("ec2", "create-network-interface", "--subnet-id", subnet)["NetworkInterface"]
        interface, address = eni["NetworkInterfaceId"], eni["PrivateIpAddress"]
        self.addCleanup(self.daemon.enid, "aws", "ec2", "delete-network-interface", "--network-interface-id", interface)
        attach = lambda instance: self.daemon.aws("ec2", "attach-network-interface", "--network-interface-id", interface,
                                                  "--instance-id", instance, "--device-index", "1")["AttachmentId"]
        attachment = attach(active)
        self.assertIn(" 0% packet loss", self.daemon.inside(client, "ping", "-c", "3", "-i", "0.2", address))
        ping = self.in_background(client, "ping", "-c", "200", "-i", "0.05", "-W", "1", address)
        time.sleep(2)
        self.daemon.aws("ec2", "detach-network-interface", "--attachment-id", attachment, "--force")
        attachment = attach(standby)
        output = ping.communicate(timeout=60)[0]
        missing = lost(output)
        print(f"failover across hosts: {missing} of 200 pings lost at 50 ms each, detach and attach by the AWS CLI", flush=True)
        self.assertLess(missing, 150, output[-500:])
        self.assertIn(" 0% packet loss", self.daemon.inside(client, "ping", "-c", "3", "-i", "0.2", address))
        self.daemon.aws("ec2", "detach-network-interface", "--attachment-id", attachment, "--force")

    def test_3_no_packet_notices_that_the_control_plane_is_dead(self):
        by_host = self.one_on_each()
        (first, _), (_, second_address) = by_host[2], by_host[3]
        ping = self.in_background(first, "ping", "-c", "260", "-i", "0.05", "-W", "1", second_address)
        time.sleep(1)
        self.daemon.kill()
        time.sleep(10)
        self.daemon.up()
        output = ping.communicate(timeout=60)[0]
        self.assertEqual(lost(output), 0, output[-500:])
        self.wait_connected(2, 3)
        # Changes arrive: a rule that lets nobody out any more is obeyed.
        again = self.launch(1)[0]
        self.assertIn(" 0% packet loss", self.daemon.inside(first, "ping", "-c", "3", "-i", "0.2", again[1]))
        self.assertEqual(self.where(first)[2], 2)

    def test_4_a_card_restarts_under_a_transfer_and_nothing_is_lost(self):
        by_host = self.one_on_each()
        (first, first_address), (second, _) = by_host[2], by_host[3]
        boot = self.daemon.inside(first, "cat", "/proc/1/stat").split()[21]
        size = 64 << 20
        # A server that listens once and digests; a client that sends numbered bytes, slowly enough to last.
        # Its input never ends: at the end of it, nc would tell the other side to end.
        listener = self.in_background(
            first, "sh", "-c", "mkfifo /tmp/input && busybox nc -l -p 7000 <>/tmp/input | sha256sum")
        eventually(lambda: "7000" in self.daemon.run_inside(first, "sh", "-c", "busybox netstat -ltn").stdout, "the listener")
        sender = self.in_background(
            second, "sh", "-c",
            f"(i=0; while [ $i -lt 64 ]; do head -c {size // 64} /dev/zero | tr '\\0' \"$(printf '%x' $((i % 16)))\"; "
            f"i=$((i+1)); sleep 0.1; done) | busybox nc {first_address} 7000")
        time.sleep(1.5)
        began = time.monotonic()
        self.cards[2].end()
        self.cards[2].up()
        self.wait_connected(2)
        print(f"rolling restart of host-2's card: connected again after {time.monotonic() - began:.2f} s", flush=True)
        sent = sender.communicate(timeout=120)[0]
        digest = listener.communicate(timeout=120)[0]
        expected = hashlib.sha256(b"".join(format(i % 16, "x").encode() * (size // 64) for i in range(64))).hexdigest()
        self.assertIn(expected, digest, f"{sent}\n{self.cards[2].text_of_log()}")
        self.assertEqual(self.daemon.inside(first, "cat", "/proc/1/stat").split()[21], boot, "not rebooted")

    def test_5_a_host_is_removed_only_when_nothing_runs_there(self):
        self.one_on_each()
        refused = self.daemon.enid("host", "remove", "host-2")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("terminate them first", refused.stderr)


if __name__ == "__main__":
    unittest.main()
