"""Over TCP only hosts that the operator named may come, by the credentials that they were given last."""
import os
import socket
import ssl
import subprocess
import tempfile
import unittest

from two_hosts import BINARY, Card, Daemon, eventually


class Credentials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, for namespaces and TAP devices")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            cls.api = f"127.0.0.1:{probe.getsockname()[1]}"
        cls.daemon = Daemon("--no-card", "--cards-listen", cls.api)
        cls.addClassCleanup(cls.daemon.close)

    def credentials(self, host, daemon=None):
        done = (daemon or self.daemon).enid("host", "add", host)
        self.assertEqual(done.returncode, 0, done.stderr)
        file = tempfile.NamedTemporaryFile("w", prefix="enidtest-credentials-", delete=False)
        self.addCleanup(os.unlink, file.name)
        with file:
            file.write(done.stdout)
        return file.name

    def card(self, host, *flags):
        # 127.0.0.x: the network between hosts is this machine's loopback.
        card = Card(host, "127.0.0.1", self.api, *flags)
        self.addCleanup(card.close)
        return card

    def test_a_card_with_credentials_is_a_host(self):
        card = self.card("host-2", "--credentials", self.credentials("host-2"))
        card.up()
        eventually(lambda: "since" in self.daemon.enid("host", "list").stdout, "host-2 to be connected")
        removed = self.daemon.enid("host", "remove", "host-2")
        self.assertEqual(removed.returncode, 0, removed.stderr)
        eventually(lambda: "there is no host host-2" in card.text_of_log() or "removed" in card.text_of_log(), "the end")

    def test_without_credentials_the_card_says_what_it_needs(self):
        self.assertIn("enid host add host-2", self.card("host-2").refusal())

    def test_another_hosts_credentials_are_refused(self):
        file = self.credentials("host-3")
        self.assertIn("those of host-3, not of host-2", self.card("host-2", "--credentials", file).refusal())

    def test_credentials_that_were_made_anew_are_refused(self):
        old = self.credentials("host-4")
        self.credentials("host-4")
        self.assertIn("newer ones were made", self.card("host-4", "--credentials", old).refusal())

    def test_a_host_that_was_removed_is_refused(self):
        file = self.credentials("host-5")
        self.assertEqual(self.daemon.enid("host", "remove", "host-5").returncode, 0)
        self.assertIn("there is no host host-5", self.card("host-5", "--credentials", file).refusal())

    def test_credentials_of_another_control_plane_do_not_fit(self):
        stranger = Daemon("--no-card")
        self.addCleanup(stranger.close)
        card = self.card("host-6", "--credentials", self.credentials("host-6", stranger))
        card.up()
        eventually(lambda: "not the one that made these credentials" in card.text_of_log(), "the refusal")

    def test_who_shows_no_certificate_is_not_spoken_to(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        host, port = self.api.split(":")
        with self.assertRaises((ssl.SSLError, ConnectionError, OSError)):
            with socket.create_connection((host, int(port)), timeout=5) as plain:
                with context.wrap_socket(plain) as secure:
                    secure.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
                    while secure.recv(4096):
                        pass
                    raise ConnectionResetError("closed")


if __name__ == "__main__":
    unittest.main()
