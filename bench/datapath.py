#!/usr/bin/env python3
"""Measures a card between two instances beside what you would use instead: the same two network
namespaces over a Linux bridge (no filter at all) and over Open vSwitch's user-space datapath with
connection tracking. Run it by `make bench BENCH=datapath`; it needs root.

The paths take turns, round after round, so that a noisy machine is noisy for all; the table shows
medians. Everything lives in namespaces named enidbench-… and in a temporary folder, and is gone at
the end."""
import argparse
import atexit
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ADDRESSES = ["10.0.1.10", "10.0.1.11"]
MACS = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]
MTU = 9001
DEVICE = "ens5"


def run(*words, check=True, **options):
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Path:
    """Two namespaces, and something between them."""

    title = ""

    def __init__(self, name):
        self.name = name
        self.ends = [f"enidbench-{os.getpid()}-{name}-{end}" for end in "ab"]
        self.made = []
        self.processes = []

    def namespace(self, name):
        run("ip", "netns", "add", name)
        self.made.append(name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        return name

    def start(self):
        for end in self.ends:
            self.namespace(end)
        self.connect()
        for end, address, mac in zip(self.ends, ADDRESSES, MACS):
            run("ip", "-n", end, "link", "set", DEVICE, "address", mac, "mtu", str(MTU), "up")
            run("ip", "-n", end, "address", "add", f"{address}/24", "dev", DEVICE)
        # The first packets wait for the devices and for ARP.
        for _ in range(50):
            if subprocess.run(["ip", "netns", "exec", self.ends[0], "ping", "-c1", "-W1", ADDRESSES[1]],
                              capture_output=True).returncode == 0:
                return
        raise RuntimeError(f"no ping passes over {self.title}")

    def connect(self):
        raise NotImplementedError

    def stop(self):
        for process in self.processes:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for name in reversed(self.made):
            run("ip", "netns", "del", name, check=False)
        self.made = []


class CardPath(Path):
    title = "enid, security groups"

    def __init__(self, program):
        super().__init__("card")
        self.program = program

    def connect(self):
        self.card = subprocess.Popen([self.program, "card", DEVICE, *self.ends], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        if self.card.stdout.readline() != "ready\n":
            raise RuntimeError("the card did not start")

    def stop(self):
        if hasattr(self, "card"):
            self.counters = self.card.communicate(timeout=10)[0]
        super().stop()


class BridgePath(Path):
    title = "Linux bridge, no filter"

    def __init__(self):
        super().__init__("bridge")

    def connect(self):
        switch = self.namespace(self.ends[0][:-1] + "sw")
        run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", switch, "link", "set", "br0", "mtu", str(MTU), "up")
        for port, end in enumerate(self.ends):
            run("ip", "-n", switch, "link", "add", f"p{port}", "mtu", str(MTU), "type", "veth",
                "peer", "name", DEVICE, "netns", end)
            run("ip", "-n", switch, "link", "set", f"p{port}", "master", "br0", "up")


class OpenVSwitchPath(Path):
    title = "Open vSwitch user space, conntrack"
    FLOWS = """
table=0,priority=10,arp,actions=NORMAL
table=0,priority=5,ip,ct_state=-trk,actions=ct(table=1)
table=0,priority=0,actions=drop
table=1,priority=10,ip,ct_state=+trk+est,actions=NORMAL
table=1,priority=10,ip,ct_state=+trk+rel,actions=NORMAL
table=1,priority=5,ip,ct_state=+trk+new,nw_src=10.0.1.0/24,actions=ct(commit),NORMAL
table=1,priority=0,actions=drop
"""

    def __init__(self, tso):
        super().__init__("ovs")
        self.tso = tso

    def connect(self):
        self.folder = tempfile.mkdtemp(prefix="enidbench-ovs-")
        atexit.register(shutil.rmtree, self.folder, True)
        switch = self.namespace(self.ends[0][:-1] + "sw")
        inside = ["ip", "netns", "exec", switch]
        environment = {**os.environ, "OVS_RUNDIR": self.folder, "OVS_DBDIR": self.folder, "OVS_LOGDIR": self.folder}
        database = f"{self.folder}/conf.db"
        socket = f"unix:{self.folder}/db.sock"
        run("ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema")

        def daemon(*words):
            self.processes.insert(0, subprocess.Popen([*inside, *words], env=environment, stdout=subprocess.DEVNULL,
                                                      stderr=subprocess.DEVNULL))

        def vsctl(*words):
            run("ovs-vsctl", f"--db={socket}", "--timeout=20", *words, env=environment)

        daemon("ovsdb-server", f"--remote=p{socket}", f"--unixctl={self.folder}/db.ctl", database)
        for _ in range(100):
            if os.path.exists(f"{self.folder}/db.sock"):
                break
            time.sleep(0.05)
        vsctl("--no-wait", "init")
        if self.tso:
            vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:userspace-tso-enable=true")
        daemon("ovs-vswitchd", f"--unixctl={self.folder}/vswitchd.ctl", f"--log-file={self.folder}/vswitchd.log", socket)
        vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        for port, end in enumerate(self.ends):
            run("ip", "-n", switch, "link", "add", f"p{port}", "mtu", str(MTU), "type", "veth",
                "peer", "name", DEVICE, "netns", end)
            run("ip", "-n", switch, "link", "set", f"p{port}", "up")
            vsctl("add-port", "br0", f"p{port}")
            if not self.tso:
                # Without this, frames with unfinished checksums arrive as they left.
                run("ip", "netns", "exec", end, "ethtool", "-K", DEVICE, "tx", "off")
        flows = pathlib.Path(self.folder, "flows")
        flows.write_text(self.FLOWS.strip() + "\n")
        run("ovs-ofctl", "--bundle", "replace-flows", f"{self.folder}/br0.mgmt", str(flows), env=environment)


def in_namespace(name, *words):
    return ["ip", "netns", "exec", name, *map(str, words)]


def measure_tcp(path, seconds):
    server = subprocess.Popen(in_namespace(path.ends[1], "iperf3", "-s", "-1", "-J"), stdout=subprocess.DEVNULL)
    try:
        for _ in range(20):
            time.sleep(0.1)
            client = subprocess.run(in_namespace(path.ends[0], "iperf3", "-J", "-c", ADDRESSES[1], "-t", seconds),
                                    capture_output=True, text=True)
            if client.returncode == 0:
                return json.loads(client.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9
        raise RuntimeError(f"iperf3 over {path.title}: {client.stdout[-300:]}")
    finally:
        server.terminate()
        server.wait()


def measure_udp(path, seconds, program):
    receiver = subprocess.Popen(in_namespace(path.ends[1], program, "receive", 5001, seconds),
                                stdout=subprocess.PIPE, text=True)
    time.sleep(0.2)
    run(*in_namespace(path.ends[0], program, "send", ADDRESSES[1], 5001, seconds + 0.2))
    return int(receiver.communicate(timeout=20)[0]) / seconds / 1e3


def measure_rtt(path, pings):
    text = run(*in_namespace(path.ends[0], "ping", "-i", "0.002", "-c", pings, ADDRESSES[1]))
    times = [float(value) * 1000 for value in re.findall(r"time=([\d.]+)", text)]
    return statistics.median(times)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=3)
    options.add_argument("--pings", type=int, default=300)
    options.add_argument("--paths", default="card,bridge,ovs", help="of: card, bridge, ovs")
    options.add_argument("--ovs-tso", action="store_true", help="with Open vSwitch's (experimental) userspace-tso-enable")
    options.add_argument("--program", default=os.environ.get("ENID_BENCH_PROGRAM", ROOT / "build/release/bench/bench_datapath"))
    options.add_argument("--verbose", action="store_true")
    chosen = options.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench/datapath.py makes network namespaces: it needs root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    makers = {"card": lambda: CardPath(str(chosen.program)), "bridge": BridgePath,
              "ovs": lambda: OpenVSwitchPath(chosen.ovs_tso)}
    names = chosen.paths.split(",")
    if "ovs" in names and not shutil.which("ovs-vswitchd"):
        print("ovs-vswitchd is not installed (openvswitch-switch): that path is left out")
        names.remove("ovs")
    figures = {name: {"tcp": [], "udp": [], "rtt": []} for name in names}
    paths = {name: makers[name]() for name in names}
    try:
        for path in paths.values():
            path.start()
        for turn in range(chosen.rounds):
            for name, path in paths.items():
                figures[name]["tcp"].append(measure_tcp(path, chosen.seconds))
                figures[name]["udp"].append(measure_udp(path, chosen.seconds, str(chosen.program)))
                figures[name]["rtt"].append(measure_rtt(path, chosen.pings))
                if chosen.verbose:
                    print(turn, name, {kind: round(values[-1], 2) for kind, values in figures[name].items()}, flush=True)
    finally:
        for path in paths.values():
            path.stop()
    if chosen.verbose and "card" in paths:
        print(paths["card"].counters)

    medians = {name: {kind: statistics.median(values) for kind, values in kinds.items()} for name, kinds in figures.items()}
    print(f"\nBetween two namespaces on this machine ({os.cpu_count()} CPUs), MTU {MTU}, medians of "
          f"{chosen.rounds} rounds of {chosen.seconds:g} s, the paths in turn (best, worst):\n")
    print(f"{'path':36}{'TCP Gbit/s':>22}{'64-byte UDP kpps':>24}{'ping µs':>22}")
    for name, path in paths.items():
        cells = []
        for kind, digits in (("tcp", 1), ("udp", 0), ("rtt", 0)):
            values = figures[name][kind]
            cells.append(f"{medians[name][kind]:.{digits}f} ({min(values):.{digits}f}, {max(values):.{digits}f})")
        print(f"{path.title:36}{cells[0]:>22}{cells[1]:>24}{cells[2]:>22}")
    ratios = []
    if "card" in names and "bridge" in names:
        ratios.append(f"tcp_ratio={medians['card']['tcp'] / medians['bridge']['tcp']:.2f}")
    if "card" in names and "ovs" in names:
        ratios.append(f"vs_ovs_ratio={medians['card']['tcp'] / medians['ovs']['tcp']:.2f}")
    if "card" in names and "bridge" in names:
        ratios.append(f"udp_pps_ratio={medians['card']['udp'] / medians['bridge']['udp']:.2f}")
        ratios.append(f"rtt_ratio={medians['card']['rtt'] / medians['bridge']['rtt']:.2f}")
    print("\nfigures: " + " ".join(ratios))


if __name__ == "__main__":
    main()
