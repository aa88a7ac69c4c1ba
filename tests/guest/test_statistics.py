"""What a guest sees of the limits it is held to: `ethtool -S` shows what the card dropped, and each queue's numbers."""
import pathlib
import unittest

from guest_machine import MachineTest, eventually

CONNECTIONS = 131072  # An interface's share of the card's table.
# The kernel's packet generator: a flood that a guest in emulation makes in a second.
FLOOD = """
modprobe pktgen
echo "add_device eth0" >/proc/net/pktgen/kpktgend_0
for word in "count {count}" "pkt_size 60" "delay 0" "dst {target}" "src_min 10.0.1.20" "src_max 10.0.1.20" \
  "dst_mac 02:65:6e:69:64:01" {words}; do
  echo "$word" >/proc/net/pktgen/eth0
done
echo start >/proc/net/pktgen/pgctrl
echo rem_device_all >/proc/net/pktgen/kpktgend_0
"""


class Statistics(MachineTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set_up_near()
        cls.launch()
        cls.await_boot(300)
        eventually(lambda: "10.0.1.20" in cls.in_guest("ip -4 addr show eth0"), "the guest's address", 120, 0.5)

    def statistics(self):
        lines = self.in_guest("ethtool -S eth0").splitlines()
        pairs = (line.split(":") for line in lines if line.count(":") == 1 and line.split(":")[1].strip())
        return {name.strip(): int(value) for name, value in pairs}

    def flood(self, target, count, *words):
        self.in_guest(FLOOD.format(target=target, count=count, words=" ".join(f'"{word}"' for word in words)))

    def test_packets_to_link_local_services_beyond_their_rate(self):
        before = self.statistics()
        self.assertEqual(before["linklocal_allowance_exceeded"], 0)
        self.flood("169.254.169.253", 10_000, "udp_dst_min 53", "udp_dst_max 53")
        exceeded = self.statistics()["linklocal_allowance_exceeded"]
        # A second's worth passes at once, and some while the flood lasts.
        self.assertGreater(exceeded, 0)
        self.assertLessEqual(exceeded, 10_000 - 1024)

    def test_queues_count_and_what_is_not_limited_is_zero(self):
        self.in_guest("ping -c 3 10.0.1.10")
        now = self.statistics()
        self.assertGreater(sum(now[name] for name in now if name.startswith("queue_") and name.endswith("_tx_cnt")), 3)
        for name in ("bw_in_allowance_exceeded", "bw_out_allowance_exceeded", "pps_allowance_exceeded"):
            self.assertEqual(now[name], 0)
        self.assertFalse([name for name in now if name.startswith("ena_srd") and now[name]])

    def test_the_devices_log_and_status_tell_of_its_driver(self):
        log = pathlib.Path(self.daemon.state, "machines", self.guest, "eth0.log")
        eventually(lambda: "its driver says: Linux" in log.read_text(), "the driver's words")
        self.assertIn("its driver resets the device: normal, reason 0", log.read_text())
        self.in_guest("modprobe -r ena; sleep 0.3; modprobe ena")
        eventually(lambda: "its driver resets the device: shutdown, reason 11" in log.read_text(), "its end")
        interface = next(i for i in self.daemon.status()["interfaces"] if i["instance"] == self.guest)
        self.assertEqual((interface["times_broken"], "broken_because" in interface), (0, False))
        eventually(lambda: "10.0.1.20" in self.in_guest("ip -4 addr show eth0"), "the guest's address", 120, 0.5)

    def test_tracked_connections_are_a_share_that_a_flood_uses_up(self):
        idle = self.statistics()
        self.assertGreater(idle["conntrack_allowance_available"], CONNECTIONS - 1000)
        self.assertLessEqual(idle["conntrack_allowance_available"], CONNECTIONS)
        self.assertEqual(idle["conntrack_allowance_exceeded"], 0)
        self.flood("10.0.1.10", 250_000, "flag UDPSRC_RND", "udp_src_min 1024", "udp_src_max 65000",
                   "flag UDPDST_RND", "udp_dst_min 1024", "udp_dst_max 65000")
        full = self.statistics()
        self.assertGreater(full["conntrack_allowance_exceeded"], 0)
        self.assertLess(full["conntrack_allowance_available"], CONNECTIONS)
        # They expire, and the card frees what nobody asks for.
        eventually(lambda: self.statistics()["conntrack_allowance_available"] > CONNECTIONS - 1000,
                   "connections to expire", 120, 2)
        self.in_guest("ping -c 1 10.0.1.10")


if __name__ == "__main__":
    unittest.main()
