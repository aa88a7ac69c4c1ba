#!/usr/bin/env python3
"""Measures what several paths are worth between two hosts: a lab of four hosts and four spines, every link of the same
rate, and instances on two of the hosts. Run it by `make bench BENCH=lab`; it needs root, as labs do.

    TCP, one flow      the kernel's, between the hosts' namespaces: a flow has one path
    MPTCP              the kernel's, four subflows, each through another spine
    plain ENA          one TCP flow between the instances, Geneve between their cards
    ENA Express        the same flow, over SRD

    Mbit/s             iperf3, what arrived
    5 % lost           the same while one link of one path loses 5 % of its packets, each way
    ms                 request and answer of 64 bytes, one after the other, while one path to the second host is congested: the
                       third and the fourth send TCP through it, twice what it carries; flows that have one path have that one

The paths take turns, so a noisy machine is noisy for all; figures are medians over rounds, ratios of those medians."""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "api")]
from enid_lab import BINARY, Lab, LabDaemon, run  # noqa: E402
from enid_daemon import Network  # noqa: E402

HOSTS, SPINES = 4, 4
CONTROL = "cubic"  # Of TCP everywhere, whatever this machine has as its own; images of EC2 have it.
MTU = 8900  # The most that ENA Express takes, as EC2 documents; larger packets go by plain ENA.
TYPE = "c6i.32xlarge"  # One of those that ENA Express is for.
BENCH = pathlib.Path(os.environ.get("ENID_BENCH_LAB", ROOT / "build" / "release" / "bench" / "bench_lab"))
BULK_PORT, PAIR_PORT = 5201, 7008

# Answers every 64 bytes with 64 bytes.
ANSWERER = f"""
import socket, sys, threading
def serve(s):
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        got = s.recv(64, socket.MSG_WAITALL)
        if len(got) < 64:
            return
        s.sendall(got)
l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, int(sys.argv[1]))
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("", {PAIR_PORT}))
l.listen(64)
while True:
    threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
"""

# Asks for some seconds, then says how long each answer took, in microseconds.
ASKER = f"""
import json, socket, sys, time
protocol, address, port, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.settimeout(20)
s.bind(("", port))
s.connect((address, {PAIR_PORT}))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
took, until = [], time.monotonic() + seconds
while time.monotonic() < until:
    asked = time.monotonic_ns()
    s.sendall(b"?" * 64)
    if len(s.recv(64, socket.MSG_WAITALL)) < 64:
        sys.exit("the connection was lost")
    took.append((time.monotonic_ns() - asked) // 1000)
    time.sleep(0.0005)
print(json.dumps(took))
"""


def two_instances(daemon):
    """On two hosts, of a type that may use ENA Express; the first's host is host-1, the second's host-2."""
    ec2 = daemon.client("ec2")
    network = Network(ec2)
    found = {}
    for number in range(8):  # The control plane chooses the host.
        instance = network.run_instance(f"10.0.1.{11 + number}", InstanceType=TYPE)
        found.setdefault(daemon.host_of(instance), instance)
        if {"host-1", "host-2"} <= set(found):
            return [found["host-1"], found["host-2"]]
    raise SystemExit(f"eight instances are on {', '.join(found)} only")


def checked(command, **options):
    result = run(*command, **options)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))[:300]}: {result.returncode}\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


class Kernel:
    """Programs in the hosts' own namespaces."""

    def __init__(self, lab, multipath):
        self.lab = lab
        self.multipath = multipath
        self.name = "MPTCP, 4 subflows" if multipath else "TCP, one flow"
        # The first subflow has the path of its address; without subflows the kernel chooses by ports.
        self.address = "100.64.1.2" if multipath else "100.64.0.2"
        self.protocol = 262 if multipath else 0

    def prepare(self):
        if not self.multipath:
            return
        for host in (1, 2):
            checked(self.lab.within(f"host-{host}", "ip", "mptcp", "limits", "set", "subflow", "8", "add_addr_accepted", "8"))
        for spine in range(2, SPINES + 1):
            checked(self.lab.within("host-2", "ip", "mptcp", "endpoint", "add", f"100.64.{spine}.2", "signal"))

    def words(self, host, *command):
        wrapped = ["mptcpize", "run", *command] if self.multipath and command[0] == "iperf3" else list(command)
        return self.lab.within(f"host-{host}", *wrapped)


class Instances:
    """Programs in two instances, on two hosts; with ENA Express or without."""

    protocol = 0

    def __init__(self, daemon, instances, express):
        self.daemon = daemon
        self.instances = instances
        self.express = express
        self.name = "ENA Express" if express else "plain ENA"
        self.interfaces = [self.interface(instance) for instance in instances]
        for instance in instances:
            daemon.inside(instance, "ip", "link", "set", "eth0", "mtu", str(MTU))
        self.address = self.interfaces[1]["PrivateIpAddress"]

    def interface(self, instance):
        found = self.daemon.client("ec2").describe_instances(InstanceIds=[instance])
        return found["Reservations"][0]["Instances"][0]["NetworkInterfaces"][0]

    def prepare(self):
        ec2 = self.daemon.client("ec2")
        for interface in self.interfaces:
            ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface["NetworkInterfaceId"],
                EnaSrdSpecification={"EnaSrdEnabled": self.express, "EnaSrdUdpSpecification": {"EnaSrdUdpEnabled": False}})
        time.sleep(1)

    def words(self, host, *command):
        return self.daemon.exec_words(self.instances[host - 1], *command)


class Cards:
    """A card in host-1 and one in host-2, with an instance each, programmed by bench/lab instead of a control plane."""

    def __init__(self, lab):
        self.lab = lab
        self.instances = [f"{lab.name}-instance-{host}" for host in (1, 2)]
        self.cards = []

    def start(self):
        for host, instance in enumerate(self.instances, 1):
            checked(["ip", "netns", "add", instance])
            self.cards.append(subprocess.Popen(self.lab.within(f"host-{host}", str(BENCH), str(host), "2", instance),
                                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            if self.cards[-1].stdout.readline() != "ready\n":
                raise SystemExit("a card did not start")
            for words in (f"link set ens5 address 02:00:00:00:01:{10 + host:02x} mtu {MTU} up",
                          f"address add 10.0.1.{10 + host}/24 dev ens5", "link set lo up"):
                checked(["ip", "-n", instance, *words.split()])

    def ask(self, words):
        for card in self.cards:
            print(words, file=card.stdin, flush=True)
        return [card.stdout.readline().strip() for card in self.cards]

    def close(self):
        for card in self.cards:
            card.kill()
            card.wait()
        for instance in self.instances:
            run("ip", "netns", "del", instance)


class Programmed:
    """Programs in the instances of Cards; with ENA Express or without."""

    protocol = 0
    address = "10.0.1.12"

    def __init__(self, cards, express):
        self.cards = cards
        self.express = express
        self.name = "ENA Express" if express else "plain ENA"

    def prepare(self):
        self.cards.ask("express" if self.express else "plain")
        time.sleep(1)

    def words(self, host, *command):
        return ["ip", "netns", "exec", self.cards.instances[host - 1], *command]


@contextlib.contextmanager
def background(words):
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.7)
        yield process
    finally:
        process.kill()
        process.wait()


def throughput(way, seconds):
    """What arrived, in Mbit/s. The first second is not counted."""
    with background(way.words(2, "iperf3", "-s", "-p", str(BULK_PORT))):
        said = checked(way.words(1, "iperf3", "-c", way.address, "-p", str(BULK_PORT), "-t", str(seconds), "-O", "1", "-C", CONTROL, "-J"))
    return json.loads(said)["end"]["sum_received"]["bits_per_second"] / 1e6


def asked(way, port, seconds):
    return json.loads(checked(way.words(1, "/usr/bin/python3", "-c", ASKER, str(way.protocol), way.address, str(port), str(seconds))))


def sent_by(lab, spine):
    links = json.loads(checked(["ip", "-j", "-s", "-n", lab.namespace("host-1"), "link", "show", f"spine-{spine}"]))
    return links[0]["stats64"]["tx"]["packets"]


def port_through(lab, way, spine, ports):
    """A source port whose flow goes through this spine; None when flows have more than one path."""
    for port in ports:
        before = [sent_by(lab, number) for number in range(1, SPINES + 1)]
        requests = len(asked(way, port, 0.2))
        grown = [sent_by(lab, number + 1) - before[number] for number in range(SPINES)]
        if grown[spine - 1] >= 0.9 * requests:
            return port
    return None


def latencies(lab, way, ports, seconds):
    """Microseconds, sorted, while host-3 and host-4 congest the path through spine 1 to host-2."""
    with contextlib.ExitStack() as after:
        after.enter_context(background(way.words(2, "/usr/bin/python3", "-c", ANSWERER, str(way.protocol))))
        has_one_path = way.name in ("TCP, one flow", "plain ENA")
        port = port_through(lab, way, 1, ports) if has_one_path else next(ports)
        if port is None:
            raise SystemExit(f"no flow of {way.name} goes through spine 1")
        for host in range(3, HOSTS + 1):
            at = ("-p", str(5300 + host))
            after.enter_context(background(lab.within("host-2", "iperf3", "-s", *at, "-B", "100.64.1.2")))
            after.enter_context(background(lab.within(f"host-{host}", "iperf3", "-c", "100.64.1.2", *at, "-t", "600", "-C", CONTROL)))
        time.sleep(1)
        return sorted(asked(way, port, seconds))


def share(values, part):
    return values[min(len(values) - 1, int(len(values) * part))]


def measure(lab, ways, options):
    ports = iter(range(20_000, 60_000))
    found = {way.name: {"mbps": [], "lossy": [], "took": []} for way in ways}
    for number in range(options.rounds):
        for way in ways:
            print(f"round {number + 1} of {options.rounds}: {way.name}", flush=True)
            if number == 0 or not isinstance(way, Kernel):
                way.prepare()
            one = found[way.name]
            one["mbps"].append(throughput(way, options.seconds))
            lab.must("fail", "host-2:spine2", "--loss", "5%")
            one["lossy"].append(throughput(way, options.seconds))
            lab.must("heal")
            one["took"] += latencies(lab, way, ports, options.seconds * 2)
    return found


def report(found):
    print(f"\n{'':20}{'Mbit/s':>9}{'5 % lost':>10}{'P50 ms':>9}{'P99 ms':>9}{'P99.9 ms':>10}{'requests':>10}")
    rows = {}
    for name, one in found.items():
        took = sorted(one["took"])
        rows[name] = row = {"mbps": statistics.median(one["mbps"]), "lossy": statistics.median(one["lossy"]),
                            **{key: share(took, part) / 1000 for key, part in (("p50", .5), ("p99", .99), ("p999", .999))}}
        print(f"{name:20}{row['mbps']:9.0f}{row['lossy']:10.0f}{row['p50']:9.2f}{row['p99']:9.2f}{row['p999']:10.2f}{len(took):10}")
    figures = {}
    plain, express = rows.get("plain ENA"), rows.get("ENA Express")
    if plain and express:
        figures = {"express_ratio": express["mbps"] / plain["mbps"], "p99_cut": 1 - express["p99"] / plain["p99"],
                   "p999_cut": 1 - express["p999"] / plain["p999"], "lossy_path_ratio": express["lossy"] / express["mbps"]}
    if "MPTCP, 4 subflows" in rows and "TCP, one flow" in rows:
        figures["mptcp_ratio"] = rows["MPTCP, 4 subflows"]["mbps"] / rows["TCP, one flow"]["mbps"]
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each TCP run; requests take twice as long")
    parser.add_argument("--rate", default="25mbit", help="of every link; slow, so that queues count and not a busy machine's milliseconds")
    parser.add_argument("--through", default="api", choices=("api", "cards"),
                        help="api: a daemon with cards in all hosts; cards: two cards that the bench programs itself")
    parser.add_argument("--ways", default="tcp,mptcp,plain,express", type=lambda text: text.split(","))
    options = parser.parse_args()
    if options.through == "api" and run(BINARY, "card", "--help").returncode != 0:
        print("this enid has no cards for other hosts: the bench programs two by itself")
        options.through = "cards"
    lab = Lab(f"bench{os.getpid()}")
    with contextlib.ExitStack() as after:
        network = ["--hosts", str(HOSTS), "--spines", str(SPINES), "--rate", options.rate]
        in_instances = [name for name in options.ways if name in ("plain", "express")]
        if in_instances and options.through == "api":
            daemon = LabDaemon(lab, *network)
            after.callback(daemon.close)
            instances = two_instances(daemon)
        else:
            after.callback(lab.down)
            lab.up("--network-only", *network)
        ways = [Kernel(lab, name == "mptcp") for name in options.ways if name in ("tcp", "mptcp")]
        if in_instances and options.through == "cards":
            cards = Cards(lab)
            after.callback(cards.close)
            cards.start()
            ways += [Programmed(cards, name == "express") for name in in_instances]
        elif in_instances:
            ways += [Instances(daemon, instances, name == "express") for name in in_instances]
        found = measure(lab, ways, options)
    print(f"\n4 paths of {options.rate} each, {os.cpu_count()} processors, {options.rounds} rounds; instances through {options.through}")
    figures = report(found)
    print("\nfigures: " + " ".join(f"{key}={value:.2f}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
