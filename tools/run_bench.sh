#!/bin/sh
# Runs one bench from a release build: tools/run_bench.sh NAME [arguments]
# A bench is bench/NAME.sh or bench/NAME.py, or the program bench_NAME that bench/CMakeLists.txt builds.
set -eu
cd "$(dirname "$0")/.."
name=${1:-}
if [ -z "$name" ]; then
  echo 'which one? make bench BENCH=datapath|pipeline|failover|api|ena|ena_rings|lab|srd|sim' >&2
  exit 2
fi
shift
# The switch is made here, not in the preset, so that `make up` need not build benches.
if ! grep -qs 'ENID_BENCH:BOOL=ON' build/release/CMakeCache.txt; then
  cmake --preset release -DENID_TESTS=OFF -DENID_BENCH=ON >/dev/null
fi
tools/quiet_ninja.sh build/release enid
if ninja -C build/release -t query "bench_$name" >/dev/null 2>&1; then
  tools/quiet_ninja.sh build/release "bench_$name"
fi
as_root=
if [ "$(id -u)" != 0 ]; then as_root='sudo -E'; fi
for script in "bench/$name.sh" "bench/$name.py"; do
  if [ -x "$script" ]; then exec $as_root "$script" "$@"; fi
done
program=build/release/bench/bench_$name
if [ ! -x "$program" ]; then
  echo "there is no bench called $name" >&2
  exit 2
fi
exec $as_root "$program" "$@"
