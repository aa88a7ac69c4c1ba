#!/usr/bin/env python3
"""Fails when a folder of src/ includes a folder that LAYERS does not allow, when a pure folder
reaches for a clock, a thread or the operating system, or when a document names a missing file.
Needs no build; `make tidy` runs it."""
import pathlib
import re
import sys

# Folder -> the folders it may include besides itself. One direction only.
LAYERS = {
    "base": [],
    "wire": ["base"],
    "contract": ["base"],
    "vpc": ["base"],
    "pci": ["base"],
    "store": ["base"],
    "flow": ["base", "wire"],
    "fabric": ["base", "wire"],
    "srd": ["base", "wire", "flow", "fabric"],
    "sim": ["base", "wire", "srd"],
    "card": ["base", "wire", "contract", "flow", "fabric", "srd"],
    "devices": ["base", "wire", "pci", "card"],
    "control": ["base", "contract", "vpc", "store"],
    "api": ["base", "vpc", "store", "control", "contract"],
    "host": ["base", "wire", "pci", "fabric", "srd", "contract", "card", "control", "api"],
    "instances": ["base", "wire", "pci", "contract", "card", "devices", "control", "host"],
    "cluster": ["base", "contract", "control"],
    "lab": ["base", "host", "instances"],
    "apps": None,  # The only code that knows everything.
}
IMPURE = {"host", "instances", "lab", "cluster", "apps", "store/sqlite"}
OPERATING_SYSTEM = re.compile(
    r"#include <(sys/|unistd|fcntl|poll\.h|netinet/|net/|linux/|arpa/|pthread|ctime|random|thread|mutex|"
    r"condition_variable|chrono)|_clock::now|std::this_thread"
)

root = pathlib.Path(__file__).resolve().parent.parent
problems = []

for path in sorted((root / "src").rglob("*.[ch]*")):
    relative = path.relative_to(root / "src")
    layer = relative.parts[0]
    if path.suffix not in (".h", ".cc"):
        continue
    if layer not in LAYERS:
        problems.append(f"src/{relative}: folder {layer} is not in tools/check_layers.py")
        continue
    allowed = LAYERS[layer]
    pure = not any(str(relative).startswith(folder + "/") for folder in IMPURE)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        include = re.match(r'#include "([a-z_0-9]+)/', line)
        if include and allowed is not None and include[1] != layer and include[1] in LAYERS and include[1] not in allowed:
            problems.append(f"src/{relative}:{number}: {layer} may not include {include[1]}")
        if pure and OPERATING_SYSTEM.search(line) and not path.name.endswith("_test.cc"):
            problems.append(f"src/{relative}:{number}: {layer} is free of I/O, clocks and threads: {line.strip()}")

for document in [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "src").rglob("README.md")]:
    for name in re.findall(r"`((?:src|tools|docs|tests|bench|fuzz|cli|cmake)/[\w./-]+\.\w+)`", document.read_text()):
        if not (root / name).exists():
            problems.append(f"{document.relative_to(root)}: names {name}, which does not exist")

print("\n".join(problems) or "layers and documents are in order")
sys.exit(bool(problems))
