"""What no SDK would send: broken HTTP, wrong signatures, huge and slow bodies, noise."""
import datetime
import random
import re
import threading
import time
import unittest
import urllib.parse

from enid_daemon import EnidTest
from raw_http import Connection, Signer

QUERY_ERROR = re.compile(rb"<ErrorResponse[^>]*>\s*<Error>\s*<Type>(\w+)</Type>\s*<Code>([^<]*)</Code>")


class Http(EnidTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = cls.daemon.listen
        cls.key = cls.daemon.environment["AWS_ACCESS_KEY_ID"]
        cls.secret = cls.daemon.environment["AWS_SECRET_ACCESS_KEY"]

    def tearDown(self):
        status, _, body = self.call(self.signer().request("DescribeVpcs"))
        self.assertEqual(status, 200, "the daemon must serve on")
        self.assertIn(b"<vpcId>", body)

    def signer(self, **changes):
        return Signer(**({"host": self.host, "access_key": self.key, "secret": self.secret} | changes))

    def call(self, data):
        connection = Connection(self.host)
        self.addCleanup(connection.close)
        return connection.call(data)

    def assert_refused(self, data, status, code):
        got, headers, body = self.call(data)
        self.assertEqual((got, self.code(body)), (status, code), body)
        self.assertIn("x-amzn-requestid", headers)
        return body

    @staticmethod
    def code(body):
        found = re.search(rb"<Code>([^<]*)</Code>", body)
        return found.group(1).decode() if found else None

    def test_every_wrong_signature_has_ec2s_refusal(self):
        now = datetime.datetime.utcnow()
        good = self.signer()
        body = b"Action=DescribeVpcs&Version=2016-11-15"

        def without(name):
            return {k: v for k, v in good.headers(body).items() if k != name}

        def authorization(change):
            headers = good.headers(body)
            headers["authorization"] = change(headers["authorization"])
            return good.message(body, headers)

        for what, data, status, code in [
                ("no signature", good.message(body, without("authorization")), 403, "MissingAuthenticationToken"),
                ("wrong secret", self.signer(secret="wrong").request("DescribeVpcs"), 401, "AuthFailure"),
                ("unknown key", self.signer(access_key="AKIANOSUCHKEY0000000").request("DescribeVpcs"), 401, "AuthFailure"),
                ("changed body", good.message(body.replace(b"Vpcs", b"Tags"), good.headers(body)), 401, "AuthFailure"),
                ("no date", good.message(body, without("x-amz-date")), 400, "IncompleteSignature"),
                ("no signature field", authorization(lambda text: text.rsplit(",", 1)[0]), 400, "IncompleteSignature"),
                ("short credential", authorization(lambda text: text.replace("/aws4_request", "")), 400, "IncompleteSignature"),
                ("other algorithm", authorization(lambda text: text.replace("SHA256", "SHA1")), 400, "IncompleteSignature"),
                ("old", self.signer(now=now - datetime.timedelta(minutes=20)).request("DescribeVpcs"), 400, "RequestExpired"),
                ("from the future", self.signer(now=now + datetime.timedelta(minutes=20)).request("DescribeVpcs"), 400,
                 "RequestExpired"),
                ("no such Region", self.signer(region="mars-north-1").request("DescribeVpcs"), 401, "AuthFailure")]:
            with self.subTest(what):
                self.assert_refused(data, status, code)

    def test_sts_says_which_part_was_wrong(self):
        def identity(**changes):
            return self.signer(service="sts", **changes).request("GetCallerIdentity", version="2011-06-15")
        status, _, body = self.call(identity())
        self.assertEqual(status, 200, body)
        self.assertIn(b"<Arn>arn:aws:", body)
        for data, code in [(identity(secret="wrong"), "SignatureDoesNotMatch"),
                           (identity(access_key="AKIANOSUCHKEY0000000"), "InvalidClientTokenId")]:
            refusal = QUERY_ERROR.search(self.assert_refused(data, 403, code))
            self.assertEqual(refusal.group(1), b"Sender")

    def test_presigned_urls_are_taken_until_they_expire(self):
        self.assertEqual(self.call(self.signer().presigned("DescribeVpcs"))[0], 200)
        past = datetime.datetime.utcnow() - datetime.timedelta(seconds=90)
        self.assertEqual(self.call(self.signer(now=past).presigned("DescribeVpcs", expires=300))[0], 200)
        self.assert_refused(self.signer(now=past).presigned("DescribeVpcs", expires=60), 400, "RequestExpired")
        good = self.signer().presigned("DescribeVpcs")
        self.assert_refused(good.replace(b"DescribeVpcs", b"DescribeTags"), 401, "AuthFailure")

    def test_a_request_with_one_flipped_bit_is_never_believed(self):
        dice = random.Random(7)
        body = b"Action=DescribeVpcs&Version=2016-11-15"
        headers = self.signer().headers(body)
        good = f"POST / HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items())
        good = good.encode() + f"content-length: {len(body)}\r\n\r\n".encode()
        # The signature, and everything it covers; the rest of HTTP is not signed.
        spots = [i for value in (headers["x-amz-date"], headers["authorization"].split("Signature=")[1], self.host)
                 for i in range(good.index(value.encode()), good.index(value.encode()) + len(value))]
        data = good + body
        spots += range(len(good), len(data))
        for spot in dice.sample(spots, 60):
            bad = bytearray(data)
            bad[spot] ^= 1 << dice.randrange(7)
            self.assertNotEqual(self.call(bytes(bad))[0], 200, bytes(bad))

    def test_unknown_actions_and_parameters_are_named(self):
        signer = self.signer()
        self.assert_refused(signer.request("MakeCoffee"), 400, "InvalidAction")
        body = self.assert_refused(signer.request("DescribeVpcs", Sugar="2"), 400, "UnknownParameter")
        self.assertIn(b"Sugar", body)

    def test_names_that_are_no_xml_come_back_as_they_went(self):
        name = "<a&b>\"'\t ]]> \u00e9 \U0001f600"
        signer = self.signer()
        status, _, body = self.call(signer.request("CreateVpc", CidrBlock="10.9.0.0/16", **{
            "TagSpecification.1.ResourceType": "vpc", "TagSpecification.1.Tag.1.Key": "name",
            "TagSpecification.1.Tag.1.Value": name}))
        self.assertEqual(status, 200, body)
        import xml.etree.ElementTree as xml
        values = [element.text for element in xml.fromstring(body).iter() if element.tag.endswith("}value")]
        self.assertEqual(values, [name])

    def test_other_paths_and_methods_lead_nowhere(self):
        for line, status in [("GET /latest/meta-data", 404), ("POST /../../etc/passwd", 404), ("DELETE /", 405),
                             ("PUT /", 405), ("GET //", 404), ("GET /_enid/health", 200)]:
            got, _, _ = self.call(f"{line} HTTP/1.1\r\nhost: {self.host}\r\n\r\n".encode())
            self.assertEqual(got, status, line)

    def test_ten_megabytes_are_refused_and_not_kept(self):
        def memory():
            with open(f"/proc/{self.daemon.pid()}/status", encoding="ascii") as file:
                return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1))
        before = memory()
        big = b"x" * 10_000_000
        statuses = []

        def push():
            connection = Connection(self.host)
            head = f"POST / HTTP/1.1\r\nhost: {self.host}\r\ncontent-length: {len(big)}\r\n\r\n".encode()
            try:
                connection.send(head + big)
            except OSError:
                pass
            statuses.append(connection.answer()[0])
            connection.close()
        threads = [threading.Thread(target=push) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(statuses), {413})
        self.assertLess(memory() - before, 50_000, "kB")

    def test_two_megabytes_of_parameters_are_counted(self):
        body = b"Action=DescribeVpcs&Version=2016-11-15" + b"".join(
            b"&VpcId.%d=vpc-0123456789abcdef0" % i for i in range(1, 50_000))
        signer = self.signer()
        status, _, _ = self.call(signer.message(body, signer.headers(body)))
        self.assertEqual(status, 400)

    def test_hostile_parameter_names_are_refused_quickly(self):
        signer = self.signer()
        for name in ["VpcId.99999999999999999999", "VpcId.0", "VpcId.-1", "VpcId." + "1." * 5000, "." * 5000,
                     "Filter.1.Value.4294967297", "Filter.1.Name.Name", "\x00", "VpcId.1.\ud7ff"]:
            started = time.monotonic()
            status, _, body = self.call(signer.request("DescribeVpcs", **{name: "x"}))
            self.assertEqual(status, 400, (name[:40], body))
            self.assertLess(time.monotonic() - started, 2)

    def test_noise_is_no_request(self):
        dice = random.Random(11)
        good = self.signer().request("DescribeVpcs")
        for _ in range(150):
            connection = Connection(self.host, timeout=5)
            kind = dice.randrange(3)
            if kind == 0:
                data = dice.randbytes(dice.randrange(1, 3000))
            elif kind == 1:
                data = bytearray(good)
                for _ in range(dice.randrange(1, 30)):
                    data[dice.randrange(len(data))] = dice.randrange(256)
            else:
                data = good[:dice.randrange(len(good))]
            try:
                connection.send(bytes(data))
                connection.socket.shutdown(1)
                connection.closed()
            except OSError:
                pass
            connection.close()

    def test_slow_clients_do_not_hold_up_quick_ones(self):
        slow = [Connection(self.host) for _ in range(300)]
        for number, connection in enumerate(slow):
            self.addCleanup(connection.close)
            connection.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nab"[:1 + number % 55])
        started = time.monotonic()
        for _ in range(20):
            self.assertEqual(self.call(self.signer().request("DescribeVpcs"))[0], 200)
        self.assertLess(time.monotonic() - started, 5)

    def test_many_connections_at_once_all_get_their_own_answers(self):
        signer = self.signer()
        group = Connection(self.host).call(signer.request("DescribeVpcs"))[2]
        vpc = re.search(rb"<vpcId>(vpc-\w+)", group).group(1).decode()
        connections = [Connection(self.host) for _ in range(200)]
        for number, connection in enumerate(connections):
            self.addCleanup(connection.close)
            connection.send(signer.request("CreateSecurityGroup", GroupName=f"at-once-{number}", GroupDescription="one",
                                           VpcId=vpc) + signer.request(
                "DescribeSecurityGroups", **{"Filter.1.Name": "group-name", "Filter.1.Value.1": f"at-once-{number}"}))
        for number, connection in enumerate(connections):
            created, described = connection.answer(), connection.answer()
            self.assertEqual((created[0], described[0]), (200, 200), (created, described))
            self.assertEqual(re.findall(rb"<groupName>(at-once-\d+)<", described[2]), [b"at-once-%d" % number])

    def test_form_and_query_are_one_set_of_parameters(self):
        signer = self.signer()
        body = b"Version=2016-11-15"
        query = urllib.parse.urlencode({"Action": "DescribeVpcs"})
        headers = {"content-type": "application/x-www-form-urlencoded", "host": self.host, "x-amz-date": signer.date}
        names, signature = signer.signature("POST", query, headers, body)
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.key}/{signer.scope}, SignedHeaders={names}, "
                                    f"Signature={signature}")
        data = signer.message(body, headers).replace(b"POST / ", f"POST /?{query} ".encode())
        self.assertEqual(self.call(data)[0], 200)


class NoAuthentication(EnidTest):
    flags = ("--auth", "none")

    def test_any_key_is_believed_and_its_scope_still_counts(self):
        host = self.daemon.listen
        here = Connection(host).call(Signer(host, "made", "up").request("DescribeVpcs"))
        there = Connection(host).call(Signer(host, "made", "up", region="eu-west-1").request("DescribeVpcs"))
        self.assertEqual((here[0], there[0]), (200, 200))
        ids = [set(re.findall(rb"<vpcId>(vpc-\w+)", answer[2])) for answer in (here, there)]
        self.assertTrue(ids[0] and ids[1])
        self.assertFalse(ids[0] & ids[1])
        plain = Connection(host).call(f"GET /?Action=DescribeVpcs&Version=2016-11-15 HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        self.assertEqual(plain[0], 200)


if __name__ == "__main__":
    unittest.main()
