#!/usr/bin/env python3
"""Measures enid's ENA device beside what QEMU users have instead: a virtio card on a TAP. The same guest (kernel, file
tree, memory, processors, emulation or KVM) boots with one or the other, in turns, and runs the same script inside.
Run it by `make bench BENCH=ena`; it needs root, and fetches QEMU and a kernel from Debian the first time.

    TCP out, TCP in    iperf3 from and to the guest, its peer outside
    packets out        the kernel's pktgen, 60 bytes
    ping               the guest asks its peer, a hundred times

On ENA's side the peer is a namespace instance behind the whole card with security groups; on virtio's it is the other
end of the TAP, with nothing between."""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = ROOT / "build" / "guest-state"
sys.path.insert(0, str(ROOT / "tests" / "api"))
sys.path.insert(0, str(ROOT / "tests" / "guest"))
from enid_daemon import Daemon, Network as Vpc, eventually  # noqa: E402
import guest_machine  # noqa: E402

# What the guest runs; one line a figure.
SCRIPT = """#!/bin/sh
peer={peer}
while ! ping -c 1 -W 1 $peer >/dev/null 2>&1; do sleep 0.2; done
sleep 3
say() {{ echo "bench: $*" >/dev/console; }}
out() {{ iperf3 -c $peer -t {seconds} -f m "$@" | sed -n 's/.* \\([0-9.]*\\) Mbits.*receiver.*/\\1/p'; }}
say tcp_out $(out)
say tcp_in $(out -R)
say ping $(ping -c 100 -i 0.01 -q $peer | sed -n 's/.*min.* = [0-9.]*.\\([0-9.]*\\).*/\\1/p')
modprobe pktgen
generator=/proc/net/pktgen
echo "add_device eth0" >$generator/kpktgend_0
for word in "count {packets}" "pkt_size 60" "delay 0" "dst $peer" "udp_dst_min 9" "udp_dst_max 9" \\
  "dst_mac $(ip neigh show $peer | sed -n 's/.*lladdr \\([^ ]*\\).*/\\1/p')"; do
  echo "$word" >$generator/eth0
done
echo start >$generator/pgctrl
say pps_out $(sed -n 's/ *\\([0-9]*\\)pps.*/\\1/p' $generator/eth0)
say done
"""

KEYS = ("tcp_out", "tcp_in", "pps_out", "ping")


def figures_of(console):
    found = {key: float(value) for key, value in re.findall(r"bench: (\w+) ([0-9.]+)", console)}
    missing = [key for key in KEYS if key not in found]
    if missing:
        raise SystemExit(f"the guest measured no {', '.join(missing)}; its console:\n{console[-3000:]}")
    return found


def measure_virtio(script):
    with tempfile.TemporaryDirectory(prefix="enid-bench-") as folder:
        overlay = pathlib.Path(folder) / "overlay" / "etc" / "enid"
        overlay.mkdir(parents=True)
        (overlay / "user_data").write_text(script(guest_machine.GATEWAY))
        archive = subprocess.run("find . -mindepth 1 | cpio --quiet -o -H newc", shell=True, check=True,
                                 cwd=overlay.parent.parent, stdout=subprocess.PIPE).stdout
        shared = (STATE / "guest" / "root.cpio.zst").read_bytes()
        initrd = pathlib.Path(folder) / "initrd"
        initrd.write_bytes(shared + b"\0" * (-len(shared) % 4) + archive)
        network = guest_machine.Network(folder)
        server = subprocess.Popen(network.inside("iperf3", "-s"), stdout=subprocess.DEVNULL)
        machine = None
        try:
            machine = guest_machine.Machine(STATE / "guest", folder, [
                "-kernel", f"{STATE}/guest/vmlinuz", "-initrd", str(initrd), "-smp", str(os.cpu_count()),
                "-append", "console=ttyS0 quiet panic=-1", "-no-reboot"], network)
            machine.wait_for("bench: done", seconds=180)
            return figures_of(machine.console())
        finally:
            for process in (machine, server):
                if process:
                    process.kill() if process is server else process.close()
            server.wait()
            network.close()


def measure_ena(daemon, vpc, peer, script):
    ec2 = daemon.client("ec2")
    guest = vpc.run_instance(ImageId="ami-linux-vm", InstanceType="m5.large", UserData=script(peer))
    console = lambda: ec2.get_console_output(InstanceId=guest).get("Output", "")  # noqa: E731
    try:
        eventually(lambda: "bench: done" in console(), "the guest's figures", 180, 1)
        return figures_of(console())
    finally:
        ec2.terminate_instances(InstanceIds=[guest])
        eventually(lambda: vpc.state(guest) == "terminated", "the guest's end")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each TCP run")
    parser.add_argument("--packets", type=int, default=400_000)
    options = parser.parse_args()
    subprocess.run([ROOT / "tools" / "install_packages.sh", "guest"], check=True)
    subprocess.run([ROOT / "tools" / "guest" / "fetch.sh", STATE], check=True)

    def script(peer):
        return SCRIPT.format(peer=peer, seconds=options.seconds, packets=options.packets)

    rounds = {"ena": [], "virtio": []}
    daemon = Daemon()
    try:
        os.symlink(STATE / "guest", f"{daemon.state}/guest")
        vpc = Vpc(daemon.client("ec2"))
        peer = vpc.run_instance("10.0.1.10")
        daemon.inside(peer, "iperf3", "-s", "-D")
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}: ENA", flush=True)
            rounds["ena"].append(measure_ena(daemon, vpc, "10.0.1.10", script))
            print(f"round {number + 1} of {options.rounds}: virtio", flush=True)
            rounds["virtio"].append(measure_virtio(script))
    finally:
        daemon.close()

    median = {card: {key: statistics.median(one[key] for one in each) for key in KEYS}
              for card, each in rounds.items()}
    print(f"\nThe same guest on this machine ({os.cpu_count()} processors), medians of {options.rounds} rounds\n")
    print(f"{'card':34}{'TCP out':>10}{'TCP in Mbit/s':>15}{'60-byte packets/s out':>23}{'ping ms':>9}")
    for card, name in (("ena", "enid ENA, card, security groups"), ("virtio", "QEMU virtio-net on a TAP")):
        one = median[card]
        print(f"{name:34}{one['tcp_out']:10.0f}{one['tcp_in']:15.0f}{one['pps_out']:23.0f}{one['ping']:9.3f}")
    ratio = {key: median["ena"][key] / median["virtio"][key] for key in KEYS}
    print(f"\nfigures: tcp_out_ratio={ratio['tcp_out']:.2f} tcp_in_ratio={ratio['tcp_in']:.2f} "
          f"pps_out_ratio={ratio['pps_out']:.2f} rtt_ratio={ratio['ping']:.2f}")


if __name__ == "__main__":
    main()
