"""The operator's socket: it believes its callers, who are root, and yet nothing they say ends the daemon."""
import http.client
import json
import os
import socket
import stat
import unittest

from enid_daemon import EnidTest, Network


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Operator(EnidTest):
    def ask(self, method, path, body=None):
        connection = UnixConnection(os.path.join(self.daemon.state, "enid.sock"))
        self.addCleanup(connection.close)
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def test_only_the_owner_may_enter(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.daemon.state).st_mode), 0o700)
        for name in ("enid.sock", "enid.db"):
            path = os.path.join(self.daemon.state, name)
            if os.path.exists(path):
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, name)

    def test_odd_bodies_are_refused(self):
        for path in ("/keys", "/trace"):
            for body in ("[]", "5", "{", "{\"access_key_id\": 5, \"from\": 5}", "{\"from\": null, \"access_key_id\": null}",
                         "{\"access_key_id\": {}, \"protocol\": []}", b"{\"access_key_id\": \"\xff\", \"from\": \"\xff\"}"):
                status, answer = self.ask("POST", path, body)
                self.assertIn(status, (400, 404), (path, body, answer))
                self.assertIn("error", json.loads(answer), (path, body))
        self.assertEqual(self.ask("POST", "/trace", "")[0], 400)

    def test_what_is_not_there_is_404(self):
        for method, path in (("GET", "/"), ("GET", "/nothing"), ("PUT", "/keys"), ("GET", "/capture?interfaces=eni-none")):
            self.assertEqual(self.ask(method, path)[0], 404, path)
        self.assertIn(self.ask("DELETE", "/keys/NOSUCHKEY")[0], (400, 404))

    def test_a_name_that_is_no_text_does_not_end_the_status(self):
        net = Network(self.daemon.client("ec2"))
        instance = net.run_instance()
        status, _ = self.raw_tag(instance, b"%FF%FE")
        self.assertIn(status, (200, 400))
        self.assertEqual(self.ask("GET", "/status")[0], 200)
        self.assertIn(instance, self.daemon.enid("status").stdout)

    def raw_tag(self, resource, value):
        from raw_http import Connection, Signer
        signer = Signer(self.daemon.listen, self.daemon.environment["AWS_ACCESS_KEY_ID"],
                        self.daemon.environment["AWS_SECRET_ACCESS_KEY"])
        body = f"Action=CreateTags&Version=2016-11-15&ResourceId.1={resource}&Tag.1.Key=Name&Tag.1.Value=".encode() + value
        connection = Connection(self.daemon.listen)
        self.addCleanup(connection.close)
        status, _, answer = connection.call(signer.message(body, signer.headers(body)))
        return status, answer


if __name__ == "__main__":
    unittest.main()
