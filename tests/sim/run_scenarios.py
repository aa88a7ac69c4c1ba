#!/usr/bin/env python3
"""Runs scenarios in the simulator and compares each report with the one in git, bit for bit.

    run_scenarios.py [--update] [--large] [SCENARIO...]

Without names: all that take less than a few seconds; --large: those of a thousand hosts and more, too. --update writes the
.expected files anew: look at the difference before you commit it. ENID_BINARY says which enid."""
import argparse
import difflib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ENID = os.environ.get("ENID_BINARY", str(HERE.parent.parent / "build/release/enid"))
SEED = "13"  # The reference runs' seed.
LARGE = {"perm1024", "perm8192", "lossless", "loss1e3"}


def report_of(scenario):
    """The report, and whether the scenario was understood; missed expectations are part of the report."""
    done = subprocess.run([ENID, "sim", str(scenario), "--seed", SEED], capture_output=True, text=True)
    return done.stdout, done.returncode in (0, 1), done.stderr


def compare(scenario, update):
    report, understood, complaint = report_of(scenario)
    if not understood:
        print(f"{scenario.name}: {complaint.strip()}")
        return False
    missed = [line for line in report.splitlines() if line.startswith("MISSED")]
    expected = scenario.with_suffix(".expected")
    if update:
        expected.write_text(report)
    if not expected.exists():
        print(f"{scenario.name}: there is no {expected.name}; --update writes it")
        return False
    difference = list(difflib.unified_diff(expected.read_text().splitlines(), report.splitlines(),
                                           expected.name, "this run", lineterm="", n=1))
    print(f"{scenario.name:<28} {'as expected' if not difference else 'DIFFERS'}"
          f"{'; ' + '; '.join(missed) if missed else ''}")
    print("\n".join(difference), end="\n" if difference else "")
    return not difference


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("scenarios", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    scenarios = options.scenarios or sorted(
        path for path in HERE.glob("*.scenario") if options.large or path.stem not in LARGE)
    results = [compare(scenario, options.update) for scenario in scenarios]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
