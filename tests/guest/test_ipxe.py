"""iPXE, whose ENA driver is its own: it opens its card, leases an address and pings a neighbour, in seconds.

It polls, and has queues of few entries and an admin queue of two."""
import unittest

from guest_machine import ADDRESS, NEAR, DeviceTest

SCRIPT = f"""#!ipxe
echo enid: iPXE has started
ifopen net0 || goto failed
dhcp net0 || goto failed
echo enid: leased ${{net0/ip}} on ${{net0/chip}}
ping --count 3 --timeout 2000 {NEAR} || goto failed
echo enid: all is well
sleep 600
:failed
ifstat net0
echo enid: failed, error ${{errno}}
sleep 600
"""


class Ipxe(DeviceTest):
    def test_leases_an_address_and_pings_within_ten_seconds(self):
        script = self.state / "script.ipxe"
        script.write_text(SCRIPT)
        self.start("-kernel", f"{self.guest_files}/ipxe.lkrn", "-initrd", str(script), machine="q35,graphics=off")
        word = self.wait_for("enid: all is well", "enid: failed")
        wall, processor = self.seconds_since_start(), self.processor_seconds()
        said = [line.strip() for line in self.console().splitlines() if "enid: leased" in line]
        print(f"iPXE: {wall:.1f} s, {processor:.1f} s of a processor; {said}")
        self.assertEqual(word, "enid: all is well", self.console())
        self.assertIn(f"leased {ADDRESS} on ena", said[-1].lower())
        # On a machine with nothing else to do both are the same; what others do must not count.
        self.assertLess(processor, 10)


if __name__ == "__main__":
    unittest.main()
