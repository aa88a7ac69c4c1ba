"""What unmodified network tools find inside an instance."""
import json
import subprocess
import tempfile
import time
import unittest

from enid_daemon import EnidTest, Network, eventually

METADATA = "http://169.254.169.254/latest"


class Instances(EnidTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ec2 = cls.daemon.client("ec2")
        cls.net = Network(cls.ec2)
        script = "#!/bin/sh\necho user data ran as $(id -un) on $(hostname)\n"
        cls.a = cls.net.run_instance("10.0.1.10", UserData=script)
        cls.b = cls.net.run_instance("10.0.1.11")
        cls.service = cls.net.interface(PrivateIpAddress="10.0.1.100", Groups=[cls.net.group])
        cls.ec2.attach_network_interface(NetworkInterfaceId=cls.service["NetworkInterfaceId"], InstanceId=cls.b,
                                         DeviceIndex=1)

    def in_a(self, *command, **options):
        return self.daemon.inside(self.a, *command, **options)

    def primary(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["NetworkInterfaces"][0]

    def test_ping_crosses_the_card_and_answers_come_back_by_the_interface_they_came_in_on(self):
        for target in ("10.0.1.11", "10.0.1.100"):
            eventually(lambda t=target: self.daemon.run_inside(self.a, "ping", "-c", "1", "-W", "1", t).returncode == 0,
                       f"{target} to answer")
        self.in_a("ping", "-c", "3", "-i", "0.1", "-s", "8900", "-M", "do", "10.0.1.11")

    def test_an_instance_has_its_own_name_resolver_and_addresses(self):
        self.assertEqual(self.in_a("hostname").strip(), "ip-10-0-1-10")
        self.assertIn("10.0.0.2", self.in_a("cat", "/etc/resolv.conf"))
        links = json.loads(self.daemon.inside(self.b, "ip", "-json", "address"))
        shown = {l["ifname"]: (l["address"], [a["local"] for a in l["addr_info"] if a["family"] == "inet"])
                 for l in links if l["ifname"].startswith("eth")}
        self.assertEqual(shown["eth1"], (self.service["MacAddress"], ["10.0.1.100"]))
        self.assertEqual(shown["eth0"], (self.primary(self.b)["MacAddress"], ["10.0.1.11"]))
        self.assertEqual({l["mtu"] for l in links if l["ifname"].startswith("eth")}, {9001})

    def test_user_data_ran_and_its_output_is_on_the_console(self):
        console = eventually(lambda: (lambda o: o if "user data ran" in o else "")(
            self.ec2.get_console_output(InstanceId=self.a).get("Output", "")), "the script's output")
        self.assertIn("user data ran as root on ip-10-0-1-10", console)

    def test_dig_resolves_private_names_and_addresses(self):
        name = self.primary(self.b)["PrivateDnsName"]
        for resolver in ("10.0.0.2", "169.254.169.253"):
            self.assertEqual(self.in_a("dig", "+short", "+time=2", f"@{resolver}", name).strip(), "10.0.1.11")
            self.assertEqual(self.in_a("dig", "+short", "+tcp", "+time=2", f"@{resolver}", name).strip(), "10.0.1.11")
        self.assertEqual(self.in_a("dig", "+short", "+time=2", "@10.0.0.2", "-x", "10.0.1.11").strip(), name + ".")

    def test_curl_reads_the_metadata_with_a_token(self):
        token = self.in_a("curl", "-sf", "-X", "PUT", f"{METADATA}/api/token", "-H",
                          "X-aws-ec2-metadata-token-ttl-seconds: 60")

        def read(path):
            return self.in_a("curl", "-sf", f"{METADATA}/meta-data/{path}", "-H", f"X-aws-ec2-metadata-token: {token}")
        self.assertEqual(read("instance-id"), self.a)
        self.assertEqual(read("local-ipv4"), "10.0.1.10")
        mac = self.primary(self.a)["MacAddress"]
        self.assertEqual(read("network/interfaces/macs/").strip(), mac + "/")
        self.assertEqual(read(f"network/interfaces/macs/{mac}/subnet-id"), self.net.subnet)
        self.assertEqual(read(f"network/interfaces/macs/{mac}/security-group-ids"), self.net.group)
        status = self.in_a("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{METADATA}/meta-data/public-ipv4")
        self.assertEqual(status, "404")
        user_data = self.in_a("curl", "-sf", f"{METADATA}/user-data")
        self.assertIn("echo user data ran", user_data)

    def test_udhcpc_and_dhclient_get_the_lease(self):
        lease = self.in_a("sh", "-c", "busybox udhcpc -i eth0 -n -q -f -s /bin/true 2>&1")
        self.assertIn("10.0.1.10", lease)
        self.in_a("sh", "-c", "printf '#!/bin/sh\\necho $reason $new_ip_address $new_interface_mtu > /tmp/lease' > /tmp/script;"
                  " chmod +x /tmp/script; dhclient -1 -sf /tmp/script -lf /tmp/leases -pf /tmp/pid eth0;"
                  " for i in $(seq 50); do [ -s /tmp/pid ] && break; sleep 0.1; done; kill $(cat /tmp/pid)")
        self.assertEqual(self.in_a("cat", "/tmp/lease").split(), ["BOUND", "10.0.1.10", "9001"])

    def test_ethtool_finds_offloads_and_its_link(self):
        self.assertIn("tcp-segmentation-offload: on", self.in_a("ethtool", "-k", "eth0"))
        self.assertIn("Link detected: yes", self.in_a("ethtool", "eth0"))

    def test_iperf3_fills_a_connection(self):
        self.daemon.inside(self.b, "sh", "-c", "iperf3 -s -1 -D")
        time.sleep(0.3)
        report = json.loads(self.in_a("iperf3", "-c", "10.0.1.11", "-t", "1", "-J"))
        self.assertGreater(report["end"]["sum_received"]["bits_per_second"], 1e8)

    def test_scapys_odd_packets_are_dropped_and_counted(self):
        before = self.drops(self.a)
        self.in_a("/usr/bin/python3", "-W", "ignore", "-c", """
from scapy.all import *
conf.verb = 0
def put(p): sendp(p, iface="eth0")
router = getmacbyip("10.0.1.1") or "ff:ff:ff:ff:ff:ff"
e = Ether(dst=router)
put(e / IP(src="10.0.1.99", dst="10.0.1.11") / ICMP())                 # Not our address.
put(e / Raw(b"\\x45" + b"\\x00" * 5))                                   # Truncated.
put(e / IP(dst="10.0.1.11", ihl=15) / Raw(b"x"))                       # Options that are not there.
put(e / IP(dst="10.0.1.11", len=9000) / UDP(dport=9))                  # Longer than it is.
put(e / IP(dst="10.0.1.11", frag=100, flags="MF") / Raw(b"y" * 64))    # A piece of nothing.
put(Ether(dst="ff:ff:ff:ff:ff:ff", type=0x88cc) / Raw(b"lldp"))
put(e / IP(dst="203.0.113.9") / UDP(dport=53))                         # No route leads there.
""")
        after = eventually(lambda: (lambda now: now if now != before else None)(self.drops(self.a)), "drops to be counted")
        self.assertGreaterEqual(sum(after.values()) - sum(before.values()), 4, after)
        self.in_a("ping", "-c", "1", "-W", "2", "10.0.1.11")

    def drops(self, instance):
        return next(i["drops"] for i in self.daemon.status()["interfaces"]
                    if i["instance"] == instance and i["device_index"] == 0)

    def test_tshark_reads_a_capture_with_names_directions_and_comments(self):
        eni = self.primary(self.a)["NetworkInterfaceId"]
        with tempfile.NamedTemporaryFile(suffix=".pcapng") as file:
            capture = subprocess.Popen([__import__("enid_daemon").BINARY, "capture", "--state", self.daemon.state, eni, "-w",
                                        file.name])
            time.sleep(0.3)
            self.in_a("ping", "-c", "2", "-i", "0.1", "10.0.1.11")
            time.sleep(0.3)
            capture.terminate()
            capture.wait()
            rows = subprocess.run(
                ["tshark", "-r", file.name, "-Y", "icmp", "-T", "fields", "-e", "frame.interface_name", "-e", "ip.src", "-e",
                 "icmp.type", "-e", "frame.packet_flags_direction"], capture_output=True, text=True, check=True)
        got = [row.split("\t")[:3] for row in rows.stdout.splitlines()]
        self.assertEqual(got[:2], [[eni, "10.0.1.10", "8"], [eni, "10.0.1.11", "0"]], rows)

    def test_trace_names_the_rule_that_decides(self):
        def trace(*more):
            result = self.daemon.enid("trace", "--from", self.a, "--to", "10.0.1.11", "--json", *more)
            return json.loads(result.stdout), result.returncode
        good, status = trace("--proto", "tcp", "--port", "443")
        self.assertEqual((good["delivered"], status), (True, 0))
        self.assertIn("sgr-", json.dumps(good["steps"]))
        bad, status = trace("--proto", "tcp", "--port", "443", "--source", "10.0.1.99")
        self.assertEqual((bad["delivered"], status), (False, 1))
        self.assertTrue(bad["drop_reason"])

    def test_exec_passes_standard_input_and_exit_status_through(self):
        self.assertEqual(self.daemon.run_inside(self.a, "sh", "-c", "exit 7").returncode, 7)
        with tempfile.TemporaryFile("w+") as file:
            file.write("through and through\n")
            file.seek(0)
            self.assertEqual(self.daemon.inside(self.a, "cat", stdin=file), "through and through\n")

    def test_an_instance_reaches_nothing_of_the_host(self):
        self.assertNotEqual(self.daemon.run_inside(self.a, "curl", "-sm", "1", self.daemon.endpoint).returncode, 0)
        self.assertNotIn("docker", self.in_a("ip", "-brief", "link"))
        self.assertNotIn(str(self.daemon.pid()), self.in_a("sh", "-c", "ls /proc").split())


class SecurityGroups(EnidTest):
    def test_a_rule_opens_and_its_going_closes(self):
        ec2 = self.daemon.client("ec2")
        net = Network(ec2)
        closed = ec2.create_security_group(VpcId=net.vpc, GroupName="closed", Description="nothing in")["GroupId"]
        a, b = net.run_instance("10.0.1.10"), net.run_instance("10.0.1.11", SecurityGroupIds=[closed])
        self.daemon.inside(b, "sh", "-c", "mkdir -p /tmp/www; echo hello > /tmp/www/index.html; busybox httpd -p 80 -h /tmp/www")

        def answers():
            return self.daemon.run_inside(a, "curl", "-sfm", "1", "http://10.0.1.11/").returncode == 0
        self.assertFalse(answers())
        permission = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": net.group}]}]
        ec2.authorize_security_group_ingress(GroupId=closed, IpPermissions=permission)
        self.assertTrue(answers())
        ec2.revoke_security_group_ingress(GroupId=closed, IpPermissions=permission)
        self.assertFalse(answers())


if __name__ == "__main__":
    unittest.main()
