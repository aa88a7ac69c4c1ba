"""Linux as a client: the guest of `qemu` instances boots, gets an address by DHCP, and answers."""
import unittest

from guest_machine import ADDRESS, GuestTestCase


class Linux(GuestTestCase):
    def test_boots_and_gets_an_address(self):
        machine = self.start(["-kernel", f"{self.guest}/vmlinuz", "-initrd", f"{self.guest}/root.cpio.zst",
                              "-append", "console=ttyS0 quiet panic=-1", "-no-reboot"])
        _, booted = machine.wait_for("enid: booted")
        _, leased = machine.wait_for("enid: eth0 has")
        print(f"Linux: booted after {booted:.1f} s, address after {leased:.1f} s")
        if self.network:
            self.assertTrue(self.network.answers(ADDRESS))


if __name__ == "__main__":
    unittest.main()
