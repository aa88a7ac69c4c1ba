#!/usr/bin/env python3
"""Measures how fast an address follows its interface: a secondary interface moves between two instances, as
high-availability software does it, while a third instance asks the address for its owner every millisecond.
Run it by `make bench BENCH=failover`; it needs root, as the daemon does.

    attach to answer   from sending AttachNetworkInterface to the first answer of the new instance: the figure
    the call           from sending AttachNetworkInterface to its answer: the part that the API takes
    silence            from sending DetachNetworkInterface to the first answer of the new instance

All clocks are CLOCK_MONOTONIC, which namespaces share. A question is asked each millisecond, so a figure is up
to one millisecond too long."""
import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "api"))
from enid_daemon import BINARY, Daemon, Network, eventually  # noqa: E402
from raw_http import Connection, Signer  # noqa: E402

ADDRESS = "10.0.1.100"
PORT = 7007

# Answers with its name from the moving address, as soon as the address is there.
OWNER = f"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND: the address may come later.
s.bind(("{ADDRESS}", {PORT}))
print("ready", flush=True)
while True:
    question, asker = s.recvfrom(64)
    try:
        s.sendto(sys.argv[1].encode(), asker)
    except OSError:
        pass  # The interface has just gone.
"""

# Asks once a millisecond; says when another owner answers than before.
ASKER = f"""
import select, socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setblocking(False)
before, next_question = None, time.monotonic_ns()
print("ready", flush=True)
while True:
    now = time.monotonic_ns()
    if now >= next_question:
        next_question = max(next_question + 1_000_000, now)
        try:
            s.sendto(b"who?", ("{ADDRESS}", {PORT}))
        except OSError:
            pass
    if not select.select([s], [], [], max(0, next_question - time.monotonic_ns()) / 1e9)[0]:
        continue
    try:
        owner = s.recv(64).decode()
    except OSError:
        continue
    if owner != before:
        print(time.monotonic_ns(), owner, flush=True)
        before = owner
"""


class Program:
    """Python in an instance; its lines arrive in a list."""

    def __init__(self, daemon, instance, text, *arguments):
        self.process = subprocess.Popen(
            [BINARY, "exec", "--state", daemon.state, "-T", instance, "--", "/usr/bin/python3", "-c", text, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.lines = []
        threading.Thread(target=self.read, daemon=True).start()
        eventually(lambda: self.lines, f"the program in {instance}")

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.split())

    def close(self):
        self.process.kill()
        self.process.wait()


class Move:
    """A secondary interface and the two instances that take turns with it."""

    def __init__(self, daemon, network):
        self.connection = Connection(daemon.listen)
        self.signer = lambda: Signer(daemon.listen, daemon.environment["AWS_ACCESS_KEY_ID"],
                                     daemon.environment["AWS_SECRET_ACCESS_KEY"])
        self.instances = [network.run_instance(f"10.0.1.{number}") for number in (10, 11)]
        self.interface = network.interface(PrivateIpAddress=ADDRESS, Groups=[network.group])["NetworkInterfaceId"]
        self.attachment = None
        self.asker = Program(daemon, network.run_instance("10.0.1.12"), ASKER)
        self.owners = [Program(daemon, instance, OWNER, instance) for instance in self.instances]

    def call(self, action, **parameters):
        request = self.signer().request(action, **parameters)  # Signed before the clock runs.
        sent = time.monotonic_ns()
        status, _, body = self.connection.call(request)
        if status != 200:
            sys.exit(f"{action} was answered {status}: {body.decode()[:500]}")
        return sent, time.monotonic_ns(), body

    def to(self, instance):
        """(attach to answer, the call, silence), in milliseconds."""
        detached = None
        if self.attachment:
            detached, _, _ = self.call("DetachNetworkInterface", AttachmentId=self.attachment)
        sent, answered, body = self.call("AttachNetworkInterface", NetworkInterfaceId=self.interface,
                                         InstanceId=instance, DeviceIndex=1)
        self.attachment = re.search(rb"<attachmentId>([\w-]+)", body).group(1).decode()
        heard = eventually(lambda: [int(line[0]) for line in self.asker.lines[1:]
                                    if line[1] == instance and int(line[0]) > sent],
                           f"an answer of {instance} from {ADDRESS}", step=0.005)[0]
        return [(heard - sent) / 1e6, (answered - sent) / 1e6, (heard - (detached or sent)) / 1e6]

    def close(self):
        for program in [self.asker, *self.owners]:
            program.close()


def measure(daemon, moves):
    move = Move(daemon, Network(daemon.client("ec2")))
    try:
        move.to(move.instances[0])
        taken = []
        for number in range(moves):
            time.sleep(0.2)  # Whatever the last move left to do is done.
            taken.append(move.to(move.instances[(number + 1) % 2]))
    finally:
        move.close()
    for name, values in zip(("attach to answer", "the call", "silence"), zip(*taken)):
        print(f"{name:<18} median {statistics.median(values):7.2f} ms   least {min(values):7.2f} ms   most {max(values):7.2f} ms")
    answers = [times[0] for times in taken]
    print(f"figures: median_ms={statistics.median(answers):.2f} max_ms={max(answers):.2f} moves={moves}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--moves", type=int, default=20)
    options = parser.parse_args()
    daemon = Daemon()
    try:
        measure(daemon, options.moves)
    finally:
        daemon.close()


if __name__ == "__main__":
    main()
