"""A private daemon for one test file: its own state in a temporary folder, its own free port.

    class Story(EnidTest):
        def test_something(self):
            ec2 = self.daemon.client("ec2")

The binary is ENID_BINARY. Needs root, because instances are namespaces.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("ENID_BINARY", str(ROOT / "build" / "release" / "enid"))
IMAGE = "ami-0123456789abcdef0"  # Well formed and unknown: runs the default image.


class Daemon:
    def __init__(self, *flags):
        self.state = tempfile.mkdtemp(prefix="enidtest-")
        self.flags = flags
        self.listen = "127.0.0.1:0"
        self.endpoint = None
        self.up()

    def up(self):
        result = self.enid("up", "--detach", "--listen", self.listen, *self.flags)
        if result.returncode != 0:
            raise RuntimeError(f"enid up: {result.stdout}{result.stderr}{self.log()}")
        self.endpoint = pathlib.Path(self.state, "endpoint").read_text().strip()
        self.listen = self.endpoint.removeprefix("http://")  # The same port after a restart.
        exports = self.enid("env").stdout
        self.environment = dict(
            line.removeprefix("export ").split("=", 1) for line in exports.splitlines() if line.startswith("export "))

    def enid(self, command, *arguments, **options):
        options.setdefault("timeout", 120)
        return subprocess.run([BINARY, command, "--state", self.state, *arguments], text=True,
                              stdin=options.pop("stdin", subprocess.DEVNULL), capture_output=True, check=False, **options)

    def aws(self, *words):
        """The AWS CLI's parsed answer; an unsuccessful call raises with its stderr."""
        result = self.enid("aws", *words, "--output", "json")
        if result.returncode != 0:
            raise AssertionError(f"aws {' '.join(words)}: {result.stderr.strip()}")
        return json.loads(result.stdout) if result.stdout.strip() else None

    def aws_error(self, *words):
        result = self.enid("aws", *words)
        assert result.returncode != 0, f"aws {' '.join(words)} succeeded: {result.stdout}"
        return result.stderr

    def inside(self, instance, *command, **options):
        """Runs a command in an instance; answers its stdout. A failure raises."""
        result = self.run_inside(instance, *command, **options)
        if result.returncode != 0:
            raise AssertionError(f"{' '.join(command)} in {instance}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def run_inside(self, instance, *command, **options):
        return self.enid("exec", "-T", instance, "--", *command, **options)

    def client(self, service, region="us-east-1", **config):
        import boto3
        from botocore.config import Config
        config.setdefault("retries", {"max_attempts": 0})
        return boto3.session.Session().client(
            service, region_name=region, endpoint_url=self.endpoint,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"], config=Config(**config))

    def status(self):
        return json.loads(self.enid("status", "--json").stdout)

    def pid(self):
        return int(pathlib.Path(self.state, "enid.pid").read_text())

    def kill(self):
        """kill -9, as a crash would."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not os.path.exists(f"/proc/{pid}") or "State:\tZ" in open(f"/proc/{pid}/status").read(),
                   "the daemon's end")

    def log(self):
        path = pathlib.Path(self.state, "enid.log")
        return path.read_text()[-4000:] if path.exists() else ""

    def close(self):
        down = self.enid("down")
        shutil.rmtree(self.state, ignore_errors=True)
        return down


def eventually(condition, what, seconds=20.0, step=0.02):
    """Waits until condition() is true, and answers its value."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(step)


class EnidTest(unittest.TestCase):
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(*cls.flags)
        cls.addClassCleanup(cls.daemon.close)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(f"-- the daemon's log ends so:\n{self.daemon.log()}")

    def assert_code(self, code, call, **arguments):
        """The call is refused with EC2's error code; answers the whole error for closer looks."""
        from botocore.exceptions import ClientError
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code, caught.exception)
        return caught.exception.response


class Network:
    """A VPC with one subnet and one security group that admits everything from the VPC."""

    def __init__(self, ec2, vpc="10.0.0.0/16", subnet="10.0.1.0/24"):
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock=vpc)["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock=subnet)["Subnet"]["SubnetId"]
        self.group = ec2.create_security_group(VpcId=self.vpc, GroupName="open", Description="all from the VPC")["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=self.group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": vpc}]}])

    def run_instance(self, address=None, wait=True, **more):
        if address:
            more["PrivateIpAddress"] = address
        more.setdefault("SecurityGroupIds", [self.group])
        more.setdefault("InstanceType", "t3.small")
        more.setdefault("ImageId", IMAGE)
        instance = self.ec2.run_instances(MinCount=1, MaxCount=1, SubnetId=self.subnet,
                                          **more)["Instances"][0]["InstanceId"]
        if wait:
            self.await_state(instance, "running")
        return instance

    def state(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"]

    def await_state(self, instance, state):
        eventually(lambda: self.state(instance) == state, f"{instance} to be {state}")

    def interface(self, **arguments):
        return self.ec2.create_network_interface(SubnetId=self.subnet, **arguments)["NetworkInterface"]
