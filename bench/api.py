#!/usr/bin/env python3
"""Measures the API from outside: signed requests as raw HTTP/1.1 against a daemon of its own. Run it
by `make bench BENCH=api`; it needs root, as the daemon does.

Requests are signed before the clock runs, each its own, so that what is measured is the daemon: it
checks every signature, and answers a change only when it is on disk. Every round of creates has a
Region of its own, so that each starts from none. The state lies on the disk of the build folder
(not /tmp, which may be memory), and the table says what one fdatasync costs there."""
import argparse
import os
import pathlib
import re
import selectors
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "api"))
from enid_daemon import Daemon  # noqa: E402
from raw_http import Connection, Signer  # noqa: E402

REGIONS = ["eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "us-east-2", "us-west-2", "ap-south-1"]
INTERFACE = re.compile(rb"<networkInterfaceId>eni-")


class Account:
    def __init__(self, daemon):
        self.host = daemon.listen
        self.key = daemon.environment["AWS_ACCESS_KEY_ID"]
        self.secret = daemon.environment["AWS_SECRET_ACCESS_KEY"]

    def signer(self, region):
        return Signer(self.host, self.key, self.secret, region=region)

    def subnet(self, region):
        body = must(Connection(self.host).call(self.signer(region).request("DescribeSubnets")))
        return re.search(rb"<subnetId>(subnet-\w+)", body).group(1).decode()

    def creates(self, region, count):
        signer, subnet = self.signer(region), self.subnet(region)
        return [signer.request("CreateNetworkInterface", SubnetId=subnet, Description=f"bench {i}") for i in range(count)]


def must(answer):
    if answer[0] != 200:
        sys.exit(f"the daemon answered {answer[0]}: {answer[2].decode()[:500]}")
    return answer[2]


def milliseconds_each(connection, requests):
    taken = []
    for request in requests:
        started = time.perf_counter()
        must(connection.call(request))
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def all_at_once(host, requests, connections):
    """Seconds until all are answered, and each one's milliseconds: every connection keeps one request out."""
    waiting = selectors.DefaultSelector()
    queue = iter(requests)
    taken = []

    def next_of(connection):
        request = next(queue, None)
        if request is None:
            waiting.unregister(connection.socket)
            return
        connection.started = time.perf_counter()
        connection.send(request)

    opened = [Connection(host) for _ in range(connections)]
    for connection in opened:
        waiting.register(connection.socket, selectors.EVENT_READ, connection)
    started = time.perf_counter()
    for connection in opened:
        next_of(connection)
    while waiting.get_map():
        for ready, _ in waiting.select():
            connection = ready.data
            must(connection.answer())
            taken.append((time.perf_counter() - connection.started) * 1000)
            next_of(connection)
    elapsed = time.perf_counter() - started
    for connection in opened:
        connection.close()
    return elapsed, taken


def fdatasync_ms(folder):
    with tempfile.TemporaryFile(dir=folder) as file:
        taken = []
        for _ in range(50):
            os.write(file.fileno(), b"x" * 4096)
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def resident_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) / 1024


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def measure(daemon, options):
    account = Account(daemon)
    rss_before = resident_mib(daemon.pid())
    connection = Connection(daemon.listen)
    ping = milliseconds_each(connection, [account.signer("us-east-1").request("DescribeRegions")] * 100)
    alone = milliseconds_each(connection, account.creates("us-east-1", options.alone))
    rates, latencies = [], []
    for region in REGIONS[:options.rounds]:
        elapsed, taken = all_at_once(daemon.listen, account.creates(region, 1000), options.connections)
        rates.append(1000 / elapsed)
        latencies += taken
    describe_request = account.signer(REGIONS[0]).request("DescribeNetworkInterfaces")
    described = INTERFACE.findall(must(connection.call(describe_request)))
    if len(described) != 1000:
        sys.exit(f"1000 interfaces were acknowledged, {len(described)} are described")
    describe = milliseconds_each(connection, [describe_request] * 15)
    figures = {"create_p50_ms": statistics.median(alone), "create_per_s": statistics.median(rates),
               "describe_1000_ms": statistics.median(describe), "rss_mib": resident_mib(daemon.pid())}
    at_once = f"CreateNetworkInterface, {options.connections} connections"
    rows = [("fdatasync of 4 KiB in the state's folder", f"{fdatasync_ms(daemon.state):.2f} ms", ""),
            ("DescribeRegions, alone", f"{statistics.median(ping):.2f} ms", f"p99 {percentile(ping, .99):.2f} ms"),
            ("CreateNetworkInterface, alone", f"{figures['create_p50_ms']:.2f} ms", f"p99 {percentile(alone, .99):.2f} ms"),
            (at_once, f"{figures['create_per_s']:.0f} /s", f"p50 {statistics.median(latencies):.2f} ms, "
             f"p99 {percentile(latencies, .99):.2f} ms; rounds {', '.join(f'{rate:.0f}' for rate in rates)}"),
            ("DescribeNetworkInterfaces of 1000", f"{figures['describe_1000_ms']:.2f} ms", f"worst {max(describe):.2f} ms"),
            ("memory of the daemon", f"{figures['rss_mib']:.1f} MiB",
             f"{rss_before:.1f} before {options.alone + 1000 * options.rounds} interfaces")]
    for what, value, more in rows:
        print(f"{what:<44}{value:>12}   {more}")
    print("figures: " + " ".join(f"{key}={value:.2f}" for key, value in figures.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, len(REGIONS) + 1))
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--alone", type=int, default=300, help="creates one after the other")
    options = parser.parse_args()
    build = ROOT / "build"
    tempfile.tempdir = str(build if build.is_dir() else ROOT)
    daemon = Daemon()
    try:
        measure(daemon, options)
    finally:
        daemon.close()


if __name__ == "__main__":
    main()
