#!/usr/bin/env python3
"""Measures enid's ENA device beside what QEMU users have instead: a virtio card on a TAP. The same guest (kernel, file
tree, memory, processors, emulation or KVM) boots with one or the other, in turns, and runs the same script inside.
Run it by `make bench BENCH=ena`; it needs root, and fetches QEMU and a kernel from Debian the first time.

    TCP out, TCP in    iperf3 from and to the guest, its peer outside
    packets out        the kernel's pktgen, 60 bytes
    packets in         60-byte datagrams from outside, more than fit; what the guest's device counts
    ping               the guest asks its peer, two hundred times

On ENA's side the peer is a namespace instance behind the whole card with security groups; on virtio's it is the other
end of the TAP, with nothing between. Ratios are ENA's figure by virtio's, of times virtio's by ENA's: more than 1 is
always in ENA's favour.

Three more things are measured of ENA alone: what the doorbells in shared memory are worth (the same device, once with
doorbells that the guest maps and once with doorbells that trap, each in turns; bench/ena/main.cc), whether transmit
queues in the device's memory (LLQ) are quicker here, and what all of enid takes of a processor while a guest is idle.
Linux's own log decides that it uses the queues that are measured. For doorbells the guest has one processor, which rings
for one and the same packet again and again, so that it is the doorbell that costs; a trapped write waits for its answer,
as QEMU has it with every device that maps anything of itself, such as transmit queues."""
import argparse
import contextlib
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = ROOT / "build" / "guest-state"
sys.path.insert(0, str(ROOT / "tests" / "api"))
from enid_daemon import Daemon, Network as Vpc, eventually  # noqa: E402
from plain_machine import ADDRESS, GATEWAY, Machine, Network  # noqa: E402

BENCH = ROOT / "build" / "release" / "bench" / "bench_ena"
GUEST = "10.0.1.20"
IN_PEER = "/tmp/bench_ena"  # A copy: an instance need not see this folder.
PORT = 9
PATIENCE = 600  # Seconds for a guest on a busy machine.
OFFERED = 300_000  # Datagrams a second: a multiple of what either guest takes.

# What the guest runs; one line a figure. Uptime is in hundredths of a second, without its dot.
SCRIPT = """#!/bin/sh
peer={peer}
while ! ping -c 1 -W 1 $peer >/dev/null 2>&1; do sleep 0.2; done
sleep 3
say() {{ echo "bench: $*" >/dev/console; }}
out() {{ iperf3 -c $peer -t {seconds} -f m "$@" | sed -n 's/.* \\([0-9.]*\\) Mbits.*receiver.*/\\1/p'; }}
say tcp_out $(out)
say tcp_in $(out -R)
say ping $(ping -c 200 -i 0.01 -q $peer | sed -n 's/.*min.* = [0-9.]*.\\([0-9.]*\\).*/\\1/p')
say wants packets
packets() {{ cat /sys/class/net/eth0/statistics/rx_packets; }}
uptime() {{ read -r up rest </proc/uptime; echo "${{up%.*}}${{up#*.}}"; }}
sleep 2
from=$(packets) began=$(uptime)
sleep {seconds}
say pps_in $((($(packets) - from) * 100 / ($(uptime) - began)))
sleep 2
{pktgen}
say done
"""
PKTGEN = """
modprobe pktgen
generator=/proc/net/pktgen
echo "add_device eth0" >$generator/kpktgend_0
for word in "count {packets}" "clone_skb {clones}" "pkt_size 60" "delay 0" "dst {peer}" "dst_mac {mac}" \\
            "udp_dst_min 9" "udp_dst_max 9"; do
  echo "$word" >$generator/eth0
done
echo start >$generator/pgctrl
say pps_out $(sed -n 's/ *\\([0-9]*\\)pps.*/\\1/p' $generator/eth0)
"""
NEIGHBOUR = "$(ip neigh show $peer | sed -n 's/.*lladdr \\([^ ]*\\).*/\\1/p')"
DOORBELL_SCRIPT = """#!/bin/sh
say() {{ echo "bench: $*" >/dev/console; }}
sleep 2
say host_rings $(dmesg | grep -c "LLQ is not supported")
{pktgen}
say done
"""

KEYS = ("tcp_out", "tcp_in", "pps_out", "pps_in", "ping")


def figures_of(console, keys):
    found = {key: float(value) for key, value in re.findall(r"bench: (\w+) ([0-9.]+)", console)}
    missing = [key for key in keys if key not in found]
    if missing:
        raise SystemExit(f"the guest measured no {', '.join(missing)}; its console:\n{console[-3000:]}")
    return found


def pktgen(packets, peer, mac, clones=0):
    return PKTGEN.format(packets=packets, peer=peer, mac=mac, clones=clones)


def sending(program, address, seconds):
    return (str(program), "send", address, str(PORT), str(seconds), str(OFFERED))


def end(process):
    process.kill()
    process.wait()


def measure_virtio(script, seconds):
    with tempfile.TemporaryDirectory(prefix="enid-bench-") as folder, contextlib.ExitStack() as after:
        network = Network(folder)
        after.callback(network.close)
        server = subprocess.Popen(network.inside("iperf3", "-s"), stdout=subprocess.DEVNULL)
        after.callback(end, server)
        machine = Machine(STATE / "guest", folder, script(GATEWAY), network)
        after.callback(machine.close)
        machine.wait_for("bench: wants packets", seconds=PATIENCE)
        sender = subprocess.Popen(network.inside(*sending(BENCH, ADDRESS, seconds + 3)),
                                  stdout=subprocess.DEVNULL)
        after.callback(end, sender)
        machine.wait_for("bench: done", seconds=PATIENCE)
        return figures_of(machine.console(), KEYS)


def processor_seconds(program):
    """What all processes of this program have taken so far."""
    ticks = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if os.readlink(stat.parent / "exe") == program:
                words = stat.read_text().rpartition(")")[2].split()
                ticks += int(words[11]) + int(words[12])
        except OSError:
            pass  # It has ended meanwhile.
    return ticks / os.sysconf("SC_CLK_TCK")


def measure_idle(daemon, seconds):
    program = os.readlink(f"/proc/{daemon.pid()}/exe")
    before = processor_seconds(program)
    time.sleep(seconds)
    return (processor_seconds(program) - before) / seconds * 100


def measure_ena(daemon, vpc, peer, script, seconds):
    ec2 = daemon.client("ec2")
    guest = vpc.run_instance(GUEST, ImageId="ami-linux-vm", InstanceType="m5.large", UserData=script("10.0.1.10"))
    said = lambda words: f"bench: {words}" in ec2.get_console_output(InstanceId=guest).get("Output", "")  # noqa: E731
    try:
        eventually(lambda: said("wants packets"), "the guest to want packets", PATIENCE, 0.5)
        daemon.inside(peer, *sending(IN_PEER, GUEST, seconds + 3))
        eventually(lambda: said("done"), "the guest's figures", PATIENCE, 1)
        time.sleep(2)
        figures = figures_of(ec2.get_console_output(InstanceId=guest)["Output"], KEYS)
        time.sleep(10)  # Idle is who has been silent for a while.
        figures["idle"] = measure_idle(daemon, 20)
        return figures
    finally:
        ec2.terminate_instances(InstanceIds=[guest])
        eventually(lambda: vpc.state(guest) == "terminated", "the guest's end")


def measure_device(kind, packets):
    """60-byte packets a second, a doorbell each, out of a guest whose device is bench_ena's, of this kind."""
    script = DOORBELL_SCRIPT.format(pktgen=pktgen(packets, "10.0.1.6", "02:00:00:00:00:02", packets))
    with tempfile.TemporaryDirectory(prefix="enid-bench-") as folder, contextlib.ExitStack() as after:
        device = subprocess.Popen([BENCH, "device", f"{folder}/eth0.sock", kind], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        after.callback(end, device)
        device.stdout.readline()
        machine = Machine(STATE / "guest", folder, script, socket=f"{folder}/eth0.sock", processors=1,
                          posted_writes=False)
        after.callback(machine.close)
        machine.wait_for("bench: done", seconds=PATIENCE)
        figures = figures_of(machine.console(), ("pps_out", "host_rings"))
        # What Linux's driver said it would use.
        if bool(figures["host_rings"]) == (kind == "low-latency"):
            raise SystemExit(f"the driver did not use the rings that a device with {kind} offers")
        return figures["pps_out"]


def measure_rounds(options):
    def script(peer):
        return SCRIPT.format(peer=peer, seconds=options.seconds,
                             pktgen=pktgen(options.packets, "$peer", NEIGHBOUR))

    rounds = {"ena": [], "virtio": [], "mapped": [], "trapped": [], "low-latency": []}
    daemon = Daemon()
    try:
        os.symlink(STATE / "guest", f"{daemon.state}/guest")
        vpc = Vpc(daemon.client("ec2"))
        peer = vpc.run_instance("10.0.1.10")
        daemon.inside(peer, "iperf3", "-s", "-D")
        with BENCH.open("rb") as program:
            daemon.inside(peer, "sh", "-c", f"cat >{IN_PEER} && chmod 755 {IN_PEER}", stdin=program)
        for number in range(options.rounds):
            for path, measure in (
                    ("ena", lambda: measure_ena(daemon, vpc, peer, script, options.seconds)),
                    ("virtio", lambda: measure_virtio(script, options.seconds)),
                    ("mapped", lambda: measure_device("mapped", options.packets)),
                    ("low-latency", lambda: measure_device("low-latency", options.packets)),
                    ("trapped", lambda: measure_device("trapped", options.packets // 10))):
                if path in options.paths:
                    print(f"round {number + 1} of {options.rounds}: {path}", flush=True)
                    rounds[path].append(measure())
    finally:
        daemon.close()
    return rounds


def report(rounds):
    """Prints tables; answers the figures."""
    figures = {}
    median = {card: {key: statistics.median(one[key] for one in rounds[card]) for key in KEYS}
              for card in ("ena", "virtio") if rounds[card]}
    print(f"{'card':34}{'TCP out':>9}{'in Mbit/s':>11}{'60-byte packets/s out':>23}{'in':>9}{'ping ms':>9}")
    for card, name in (("ena", "enid ENA, card, security groups"), ("virtio", "QEMU virtio-net on a TAP")):
        if one := median.get(card):
            print(f"{name:34}{one['tcp_out']:9.0f}{one['tcp_in']:11.0f}{one['pps_out']:23.0f}{one['pps_in']:9.0f}"
                  f"{one['ping']:9.3f}")
    if len(median) == 2:
        figures = {f"{key}_ratio": median["ena"][key] / median["virtio"][key] for key in KEYS if key != "ping"}
        figures["rtt_ratio"] = median["virtio"]["ping"] / median["ena"]["ping"]
    mapped = statistics.median(rounds["mapped"] or [0])
    if rounds["mapped"] and rounds["trapped"]:
        trapped = statistics.median(rounds["trapped"])
        print(f"\ndoorbells in shared memory: {mapped:.0f} packets/s, trapped: {trapped:.0f}")
        figures["doorbell_ratio"] = mapped / trapped
    if rounds["mapped"] and rounds["low-latency"]:
        low_latency = statistics.median(rounds["low-latency"])
        print(f"transmit queues in the guest's memory: {mapped:.0f} packets/s, in the device's: {low_latency:.0f}")
        figures["low_latency_ratio"] = low_latency / mapped
    if rounds["ena"]:
        figures["idle_cpu_percent"] = statistics.median(one["idle"] for one in rounds["ena"])
        print(f"all of enid with one idle guest: {figures['idle_cpu_percent']:.2f} % of a processor")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each TCP run")
    parser.add_argument("--packets", type=int, default=400_000)
    parser.add_argument("--paths", default="ena,virtio,mapped,low-latency,trapped", type=lambda text: text.split(","))
    options = parser.parse_args()
    subprocess.run([ROOT / "tools" / "install_packages.sh", "guest"], check=True)
    subprocess.run([ROOT / "tools" / "guest" / "fetch.sh", STATE], check=True)
    rounds = measure_rounds(options)
    print(f"\nThe same guest on this machine ({os.cpu_count()} processors), medians of {options.rounds} rounds\n")
    figures = report(rounds)
    print("\nfigures: " + " ".join(f"{key}={value:.2f}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
