"""Signatures by signers that nobody here wrote: botocore's, in all its forms, and curl's."""
import datetime
import http.client
import json
import re
import subprocess
import unittest
import urllib.error
import urllib.request

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from enid_daemon import EnidTest

FORM = "application/x-www-form-urlencoded; charset=utf-8"


class ClockOff:
    """botocore signs as if its clock were off by so many seconds."""

    def __init__(self, seconds):
        class Clock(datetime.datetime):
            @classmethod
            def utcnow(cls):
                return datetime.datetime.utcnow() + datetime.timedelta(seconds=seconds)
        self.module = type("datetime", (), {"datetime": Clock})

    def __enter__(self):
        self.before, botocore.auth.datetime = botocore.auth.datetime, self.module

    def __exit__(self, *_):
        botocore.auth.datetime = self.before


class Signatures(EnidTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ec2 = cls.daemon.client("ec2")
        cls.credentials = Credentials(cls.daemon.environment["AWS_ACCESS_KEY_ID"],
                                      cls.daemon.environment["AWS_SECRET_ACCESS_KEY"])

    def signed(self, action="DescribeVpcs", *, service="ec2", region="us-east-1", credentials=None, version="2016-11-15",
               **headers):
        request = AWSRequest("POST", self.daemon.endpoint + "/", {"Content-Type": FORM, **headers},
                             f"Action={action}&Version={version}".encode())
        botocore.auth.SigV4Auth(credentials or self.credentials, service, region).add_auth(request)
        return request.prepare()

    def send(self, request):
        """(status, EC2's code or "", body)"""
        return self.open(urllib.request.Request(request.url, request.body, dict(request.headers), method=request.method))

    @staticmethod
    def open(request):
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, "", answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                body = error.read().decode()
            return error.code, re.search("<Code>(.*?)</Code>", body).group(1), body

    def test_a_session_token_is_part_of_what_is_signed(self):
        session = Credentials(self.credentials.access_key, self.credentials.secret_key, "FwoGZXIvYXdzEXAMPLE==")
        request = self.signed(credentials=session)
        self.assertEqual(self.send(request)[0], 200)
        del request.headers["X-Amz-Security-Token"]
        self.assertEqual(self.send(request)[1], "SignatureDoesNotMatch")

    def test_a_clock_may_be_fifteen_minutes_off_for_ec2_and_five_for_sts(self):
        def code(seconds, **options):
            with ClockOff(seconds):
                return self.send(self.signed(**options))[1]
        sts = {"service": "sts", "action": "GetCallerIdentity", "version": "2011-06-15"}
        self.assertEqual([code(s) for s in (-920, -880, 880, 920)], ["RequestExpired", "", "", "RequestExpired"])
        self.assertEqual([code(s, **sts) for s in (-320, -280, 280, 320)],
                         ["SignatureDoesNotMatch", "", "", "SignatureDoesNotMatch"])

    def test_presigned_urls_of_boto3_are_taken(self):
        for method in ("GET", "POST"):
            url = self.ec2.generate_presigned_url("describe_vpcs", ExpiresIn=60, HttpMethod=method, Params={
                "Filters": [{"Name": "tag:a b&c", "Values": ["é=%", "*"]}]})
            status, _, body = self.open(urllib.request.Request(url, method=method))
            self.assertEqual(status, 200, body)
            self.assertIn("<DescribeVpcsResponse", body)

    def test_a_presigned_url_says_one_thing_only_and_not_for_ever(self):
        url = self.ec2.generate_presigned_url("describe_vpcs", ExpiresIn=60, HttpMethod="GET")
        self.assertEqual(self.open(url)[0], 200)
        for changed in (url.replace("DescribeVpcs", "DeleteVpc"), url.replace("us-east-1", "us-west-2"), url + "&DryRun=true",
                        url.replace("Expires=60", "Expires=61"), url.replace("127.0.0.1", "localhost")):
            self.assertNotEqual(changed, url)
            self.assertEqual(self.open(changed)[1], "AuthFailure", changed)
        self.assertEqual(self.open(urllib.request.Request(url, method="POST"))[1], "AuthFailure")

    def test_a_presigned_url_is_good_until_it_expires(self):
        def code(seconds):
            request = AWSRequest("GET", self.daemon.endpoint + "/?Action=DescribeVpcs&Version=2016-11-15")
            with ClockOff(seconds):
                botocore.auth.SigV4QueryAuth(self.credentials, "ec2", "us-east-1", expires=60).add_auth(request)
            return self.open(request.prepare().url)[1]
        self.assertEqual([code(-40), code(-70)], ["", "RequestExpired"])

    def test_curl_signs_too(self):
        def curl(*arguments):
            key = f"{self.credentials.access_key}:{self.credentials.secret_key}"
            return subprocess.run(["curl", "-sS", "--aws-sigv4", "aws:amz:us-east-1:ec2", "--user", key, *arguments],
                                  capture_output=True, text=True, check=True, timeout=20).stdout
        self.assertIn("<DescribeVpcsResponse", curl("-d", "Action=DescribeVpcs&Version=2016-11-15", self.daemon.endpoint + "/"))
        self.assertIn("<DescribeVpcsResponse", curl(self.daemon.endpoint + "/?Action=DescribeVpcs&Version=2016-11-15"))

    def test_a_key_counts_from_its_making_to_its_end(self):
        made = json.loads(self.daemon.enid("key", "create", "--json").stdout)
        fresh = Credentials(made["access_key_id"], made["secret_access_key"])
        self.assertEqual(self.send(self.signed(credentials=fresh))[0], 200)
        self.assertEqual(self.daemon.enid("key", "delete", made["access_key_id"]).returncode, 0)
        self.assertEqual(self.send(self.signed(credentials=fresh))[:2], (401, "AuthFailure"))
        imported = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        self.assertEqual(self.daemon.enid("key", "import", imported.access_key, imported.secret_key).returncode, 0)
        self.assertEqual(self.send(self.signed(credentials=imported))[0], 200)

    def test_a_region_knows_no_ids_of_another(self):
        vpc = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        elsewhere = self.daemon.client("ec2", region="eu-central-1")
        self.assert_code("InvalidVpcID.NotFound", elsewhere.describe_vpcs, VpcIds=[vpc])
        self.assert_code("InvalidVpcID.NotFound", elsewhere.delete_vpc, VpcId=vpc)
        self.assert_code("InvalidVpcID.NotFound", elsewhere.create_tags, Resources=[vpc], Tags=[{"Key": "a", "Value": "b"}])
        self.assertEqual(len(self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]), 1)

    def test_regions_and_services_that_are_not_here_are_named(self):
        nowhere = self.send(self.signed(region="mars-north-1"))
        self.assertEqual(nowhere[1], "AuthFailure")
        self.assertIn("mars-north-1", nowhere[2])
        other = self.send(self.signed(service="dynamodb"))
        self.assertEqual(other[1], "SignatureDoesNotMatch")
        self.assertIn("dynamodb", other[2])

    def test_both_names_of_the_machine_may_be_signed(self):
        port = self.daemon.listen.rsplit(":", 1)[1]
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
        self.addCleanup(connection.close)
        request = AWSRequest("POST", f"http://localhost:{port}/", {"Content-Type": FORM}, b"Action=DescribeVpcs&Version=2016-11-15")
        botocore.auth.SigV4Auth(self.credentials, "ec2", "us-east-1").add_auth(request)
        for host, status in ((f"localhost:{port}", 200), (f"LOCALHOST:{port}", 401), ("localhost", 401)):
            connection.request("POST", "/", request.body, {**dict(request.headers), "Host": host})
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, status, host)


if __name__ == "__main__":
    unittest.main()
