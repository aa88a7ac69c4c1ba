"""iPXE as a client: it opens its card, leases an address and pings its gateway, in two seconds.

Its drivers are its own, so it is a second opinion about a card; see README.md for how to point
it at a vfio-user socket."""
import pathlib
import unittest

from guest_machine import GuestTestCase

SCRIPT = """#!ipxe
echo enid: iPXE has started
ifopen net0 || goto failed
ifstat net0
dhcp net0 || goto failed
echo enid: leased ${net0/ip} from ${net0/gateway} on ${net0/chip}
ping --count 3 --timeout 2000 ${net0/gateway} || goto failed
echo enid: all is well
goto end
:failed
ifstat net0
echo enid: failed, error ${errno}
:end
sleep 600
"""


class Ipxe(GuestTestCase):
    def test_leases_an_address_and_pings_its_gateway(self):
        script = pathlib.Path(self.folder) / "script.ipxe"
        script.write_text(SCRIPT)
        machine = self.start(["-kernel", f"{self.guest}/ipxe.lkrn", "-initrd", str(script)])
        word, seconds = machine.wait_for("enid: all is well", "enid: failed")
        self.assertEqual(word, "enid: all is well", machine.console())
        said = [line.strip() for line in machine.console().splitlines() if "enid: leased" in line]
        print(f"iPXE: {seconds:.1f} s; {said[-1]}")


if __name__ == "__main__":
    unittest.main()
