#!/usr/bin/env python3
"""Writes the table of instance types as C++: instance_types.py CSV OUTPUT"""
import csv
import sys

SUPPORT = {"unsupported": "kUnsupported", "supported": "kSupported", "required": "kRequired"}


def text(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def yes(value):
    return "true" if value == "1" else "false"


def row(r):
    return ", ".join(
        [
            text(r["type"]), yes(r["current_gen"]), yes(r["bare_metal"]), text(r["hypervisor"]), text(r["arch"]),
            r["vcpus"], r["mem_mib"], r["max_enis"], r["ipv4_per_eni"], r["ipv6_per_eni"] or "0",
            r["network_cards"] or "1", r["default_card"] or "0", text(r["cards"]), r["max_efa"] or "0",
            "Support::" + SUPPORT[r["ena"]], yes(r["ena_srd"]), yes(r["encryption_in_transit"]),
            text(r["net_perf"]), r["baseline_gbps"] or "0", r["peak_gbps"] or "0",
            r["tcp_established_timeout_default"] or "432000", r["udp_stream_timeout_default"] or "180",
            r["udp_timeout_default"] or "30", text(r["placement_strategies"]), yes(r["jumbo_9001_derived"]),
        ]
    )


def main():
    source, output = sys.argv[1:]
    with open(source, newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda r: r["type"].encode())
    with open(output, "w") as out:
        out.write("// Written from instance-types.csv by tools/codegen/instance_types.py.\n")
        out.write('#include "vpc/instance_types.h"\n\nnamespace enid::vpc {\n\n')
        out.write("extern const InstanceType kInstanceTypes[];\nextern const std::size_t kInstanceTypeCount;\n\n")
        out.write("const InstanceType kInstanceTypes[] = {\n")
        for r in rows:
            out.write("    {" + row(r) + "},\n")
        out.write(f"}};\nconst std::size_t kInstanceTypeCount = {len(rows)};\n\n}}  // namespace enid::vpc\n")


main()
