"""The card's own servers, asked by the clients that people use."""
import json
import os
import sys
import tempfile
import unittest

from card_between_namespaces import ADDRESSES, DEVICE, MTU, CardStory


class DhcpClients(CardStory):
    with_addresses = False

    def lease_of(self, client):
        """Runs a DHCP client whose script only writes down its environment, one file a reason."""
        with tempfile.TemporaryDirectory() as folder:
            script = f"{folder}/script"
            with open(script, "w") as file:
                # udhcpc tells the reason by argument, dhclient by variable.
                file.write(f"#!/bin/sh\nenv > {folder}/$1$reason\n")
            os.chmod(script, 0o755)
            client(folder, script)
            name = next(name for name in os.listdir(folder) if name.lower() == "bound")
            with open(f"{folder}/{name}") as file:
                return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)

    def test_udhcpc_gets_the_interfaces_address(self):
        lease = self.lease_of(lambda folder, script: self.output_inside(
            0, "busybox", "udhcpc", "-i", DEVICE, "-n", "-q", "-f", "-s", script, "-O", "mtu"))
        self.assertEqual(lease["ip"], ADDRESSES[0])
        self.assertEqual(lease["mask"], "24")
        self.assertEqual(lease["router"], "10.0.1.1")
        self.assertEqual(lease["dns"], "10.0.0.2")
        self.assertEqual(lease["mtu"], str(MTU))

    def test_dhclient_gets_the_interfaces_address(self):
        def dhclient(folder, script):
            files = ["-sf", script, "-lf", f"{folder}/leases", "-pf", f"{folder}/pid", "-cf", "/dev/null"]
            # It goes to the background once it has a lease; -x ends that one.
            self.output_inside(0, "dhclient", "-1", *files, DEVICE)
            self.run_inside(0, "dhclient", "-x", *files, DEVICE)

        lease = self.lease_of(dhclient)
        self.assertEqual(lease["new_ip_address"], ADDRESSES[0])
        self.assertEqual(lease["new_subnet_mask"], "255.255.255.0")
        self.assertEqual(lease["new_routers"], "10.0.1.1")
        self.assertEqual(lease["new_domain_name_servers"], "10.0.0.2")


class LinkLocalClients(CardStory):
    def test_ping_passes_and_the_router_answers_arp(self):
        self.output_inside(0, "ping", "-n", "-c", "3", "-i", "0.05", "-W", "2", ADDRESSES[1])
        self.run_inside(0, "ping", "-n", "-c", "1", "-W", "1", "10.0.1.1")
        self.assertRegex(self.output_inside(0, "ip", "neighbour", "show", "10.0.1.1"), "lladdr")

    def test_dig_resolves_private_names_at_both_resolvers_over_udp_and_tcp(self):
        for server in ("10.0.0.2", "169.254.169.253"):
            for transport in ("+notcp", "+tcp"):
                with self.subTest(server=server, transport=transport):
                    name = "ip-10-0-1-11.ec2.internal"
                    text = self.output_inside(0, "dig", f"@{server}", transport, "+short", "+time=3", "+tries=2", name)
                    self.assertEqual(text.strip(), ADDRESSES[1])

    def test_dig_resolves_backwards(self):
        text = self.output_inside(0, "dig", "@10.0.0.2", "+short", "+time=3", "-x", ADDRESSES[1])
        self.assertEqual(text.strip(), "ip-10-0-1-11.ec2.internal.")

    def test_dig_is_told_that_nobody_resolves_foreign_names(self):
        text = self.output_inside(0, "dig", "@10.0.0.2", "+time=3", "www.example.com")
        self.assertIn("SERVFAIL", text)

    def test_curl_reads_metadata_with_and_without_a_token(self):
        base = "http://169.254.169.254/latest"
        plain = self.output_inside(0, "curl", "-sSf", "-m", "5", f"{base}/meta-data/instance-id")
        token = self.output_inside(0, "curl", "-sSf", "-m", "5", "-X", "PUT", "-H",
                                   "X-aws-ec2-metadata-token-ttl-seconds: 60", f"{base}/api/token")
        signed = self.output_inside(0, "curl", "-sSf", "-m", "5", "-H", f"X-aws-ec2-metadata-token: {token}",
                                    f"{base}/meta-data/instance-id")
        self.assertRegex(plain, r"^i-[0-9a-f]{17}$")
        self.assertEqual(plain, signed)
        other = self.output_inside(1, "curl", "-sSf", "-m", "5", f"{base}/meta-data/instance-id")
        self.assertNotEqual(plain, other)

    def test_an_ntp_client_is_told_the_time(self):
        ask = ("import socket, struct, time, json; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3); "
               "s.sendto(b'\\x23' + bytes(47), ('169.254.169.123', 123)); a = s.recv(512); "
               "print(json.dumps([len(a), a[0] & 7, a[1], struct.unpack('!I', a[40:44])[0] - 2208988800 - time.time()]))")
        size, mode, stratum, offset = json.loads(self.output_inside(0, sys.executable, "-c", ask))
        self.assertEqual((size, mode), (48, 4))
        self.assertTrue(1 <= stratum <= 15)
        self.assertLess(abs(offset), 2)


if __name__ == "__main__":
    unittest.main()
