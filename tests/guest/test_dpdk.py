"""DPDK's own ENA driver, in a process of a guest: it polls, and behind a virtual IOMMU each page is a map.

testpmd runs on the machine's console (tools/guest/dpdk/init) and is told what to do there. One boot."""
import re
import unittest

from guest_machine import ADDRESS, NEAR, DeviceTest, eventually

SENT = 5000
SENDER = f"""
import socket, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range({SENT}):
    sender.sendto(number.to_bytes(4, "big") * 30, ("{ADDRESS}", 4000 + number % 16))
    if number % 16 == 0:
        time.sleep(0.008)
"""


class Dpdk(DeviceTest):
    def command(self, line, until="testpmd> ", seconds=30):
        """What testpmd says to a command."""
        after = len(self.console())
        self.type(line)
        self.wait_for(until, seconds=seconds, after=after)
        return self.console()[after:]

    def port_count(self, name):
        """One of the numbers that the device counts."""
        return int(re.search(rf"{name}: *(\d+)", self.command("show port stats 0")).group(1))

    def received_nearby(self):
        return int(self.near_run("cat", "/sys/class/net/eth0/statistics/rx_packets"))

    def test_testpmd_sends_and_receives(self):
        near_mac = self.near_run("cat", "/sys/class/net/eth0/address").strip()
        self.start(
            "-cpu", "max", "-kernel", f"{self.guest_files}/vmlinuz", "-initrd", f"{self.guest_files}/dpdk.cpio.zst",
            "-append", "console=ttyS0 quiet panic=-1 intel_iommu=on hugepages=48 -- -i --total-num-mbufs=8192 "
            f"--rxq=2 --txq=2 --rss-udp --eth-peer=0,{near_mac} --tx-ip={ADDRESS},{NEAR}",
            memory="384M", processors=2, machine="q35,kernel-irqchip=split", queue_pairs=2,
            first=["-device", "intel-iommu,caching-mode=on,intremap=off"])
        self.wait_for("testpmd> ", "testpmd ended", seconds=300)
        print(f"DPDK: testpmd is up after {self.seconds_since_start():.1f} s")
        about = self.command("show port info 0")
        self.assertIn("Driver name: net_ena", about)
        self.assertIn("Link status: up", about)

        with self.subTest("answers pings"):  # Both directions, a packet at a time.
            self.command("set fwd icmpecho")
            self.command("start")
            self.near_run("ping", "-c", "10", "-i", "0.1", "-W", "5", ADDRESS)
            self.command("stop", "Done.")

        with self.subTest("receives every packet of a stream, on both queues"):
            before = self.port_count("RX-packets")
            self.command("set fwd rxonly")
            self.command("start")
            self.near_run("python3", "-c", SENDER)
            said = self.command("stop", "Done.")
            self.assertIn("RX Port= 0/Queue= 0", said)
            self.assertIn("RX Port= 0/Queue= 1", said)
            self.assertEqual(self.port_count("RX-packets") - before, SENT)

        with self.subTest("sends as fast as it can"):
            before, near_before = self.port_count("TX-packets"), self.received_nearby()
            self.command("set fwd txonly")
            self.command("start")
            eventually(lambda: self.port_count("TX-packets") - before > 20_000, "packets on their way", 60)
            self.command("stop", "Done.")
            sent, arrived = self.port_count("TX-packets") - before, self.received_nearby() - near_before
            print(f"DPDK: {sent} packets sent, {arrived} arrived at a TAP")
            self.assertGreater(arrived, 1000)

        self.command("quit", "testpmd ended with status 0")


if __name__ == "__main__":
    unittest.main()
