"""Packets that no well-behaved instance sends: each is counted with its reason, none is delivered,
and the card goes on carrying the good ones."""
import json
import unittest

from card_between_namespaces import ADDRESSES, DEVICE, MACS, CardStory

SENDER = f"""
import os, random, sys
from scapy.all import *
conf.verb = 0
mine, router = "{MACS[0]}", getmacbyip("10.0.1.1")
source, target = "{ADDRESSES[0]}", "{ADDRESSES[1]}"
ethernet = Ether(src=mine, dst=router)
random.seed(7)
def noise(count): return bytes(random.randrange(256) for _ in range(count))
good = bytes(ethernet / IP(src=source, dst=target) / UDP(sport=9, dport=9) / noise(40))
"""

# name -> (what to send, the drop reason it must be counted with, if one is certain)
ODD = {
    "a spoofed source": ("ethernet / IP(src='10.0.1.99', dst=target) / UDP()", "source_not_of_interface"),
    "a spoofed MAC": ("Ether(src='02:00:00:00:00:99', dst=router) / IP(src=source, dst=target) / UDP()",
                      "source_mac_not_of_interface"),
    "a VLAN tag": ("ethernet / Dot1Q(vlan=5) / IP(src=source, dst=target) / UDP()", "vlan_tagged"),
    "an unknown EtherType": ("Ether(src=mine, dst=router, type=0x88b5) / noise(46)", "unknown_ether_type"),
    "a multicast": ("Ether(src=mine, dst='01:00:5e:00:00:fb') / IP(src=source, dst='224.0.0.251') / UDP()", "multicast"),
    "nobody's address": ("ethernet / IP(src=source, dst='10.0.1.77') / UDP()", "no_interface_at_destination"),
    "an address without a route": ("ethernet / IP(src=source, dst='192.0.2.1') / UDP()", "no_route"),
    "a header length of four bytes": ("ethernet / IP(src=source, dst=target, ihl=1) / UDP()", "malformed"),
    "IP version nine": ("ethernet / IP(src=source, dst=target, version=9) / UDP()", "malformed"),
    "a total length beyond the frame": ("ethernet / IP(src=source, dst=target, len=2000) / UDP()", "malformed"),
    "a TCP header cut short": ("ethernet / IP(src=source, dst=target, proto=6) / noise(9)", None),
    "a later fragment alone": ("ethernet / IP(src=source, dst=target, frag=100, id=4711) / noise(64)",
                               "first_fragment_unknown"),
    "an ARP answer nobody asked for": ("Ether(src=mine, dst='ff:ff:ff:ff:ff:ff') / ARP(op=2, hwsrc=mine, psrc='10.0.1.1', "
                                       "pdst=target)", None),
    "a router's redirect": ("ethernet / IP(src='10.0.1.1', dst=target) / ICMP(type=5, code=1, gw=source)",
                            "source_not_of_interface"),
    "IPv6": ("ethernet / IPv6(src='fe80::1', dst='fe80::2') / UDP()", "ipv6_not_assigned"),
}


class OddPackets(CardStory):
    def received_by_the_other(self):
        text = self.output_inside(1, "ip", "-s", "-j", "link", "show", DEVICE)
        return json.loads(text)[0]["stats64"]["rx"]["packets"]

    def test_every_odd_packet_is_dropped_with_its_reason(self):
        self.output_inside(0, "ping", "-n", "-c", "1", "-W", "2", ADDRESSES[1])
        before = self.received_by_the_other()
        sends = "\n".join(f"sendp({packet}, iface='{DEVICE}')" for packet, _ in ODD.values())
        self.output_inside(0, "/usr/bin/python3", "-W", "ignore", "-c", f"{SENDER}\n{sends}\n")
        self.assertEqual(self.received_by_the_other(), before)
        self.output_inside(0, "ping", "-n", "-c", "2", "-i", "0.1", "-W", "2", ADDRESSES[1])
        counters = self.end_card()
        for name, (_, reason) in ODD.items():
            if reason:
                with self.subTest(name):
                    self.assertIn(reason, counters)


class Noise(CardStory):
    def test_noise_does_not_end_the_card(self):
        noise = """
frames = []
for _ in range(3000):
    kind = random.randrange(4)
    if kind == 0: frame = bytes(ethernet)[:12] + noise(random.randrange(3, 200))
    elif kind == 1: frame = good[:random.randrange(15, len(good))]
    elif kind == 2:
        changed = bytearray(good)
        for _ in range(random.randrange(1, 6)): changed[random.randrange(12, len(changed))] = random.randrange(256)
        frame = bytes(changed)
    else: frame = bytes(ethernet / fuzz(IP(src=source, dst=random.choice([target, '169.254.169.254', '10.0.0.2', '169.254.169.123']))
                        / random.choice([fuzz(TCP()), fuzz(UDP()), fuzz(UDP(dport=53)) / fuzz(DNS()), fuzz(ICMP())])))
    frames.append(frame)
socket = conf.L2socket(iface="%s")
for frame in frames:
    try: socket.send(frame)
    except OSError: pass
""" % DEVICE
        self.output_inside(0, "ping", "-n", "-c", "1", "-W", "2", ADDRESSES[1])
        self.output_inside(0, "/usr/bin/python3", "-W", "ignore", "-c", f"{SENDER}\n{noise}\n")
        for end in (0, 1):
            self.output_inside(end, "ping", "-n", "-c", "3", "-i", "0.1", "-W", "2", ADDRESSES[1 - end])
        self.output_inside(0, "dig", "@10.0.0.2", "+short", "+time=3", "ip-10-0-1-11.ec2.internal")


if __name__ == "__main__":
    unittest.main()
