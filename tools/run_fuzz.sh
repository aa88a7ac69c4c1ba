#!/bin/sh
# Runs the fuzz targets one after the other: tools/run_fuzz.sh [TARGET] [SECONDS_EACH]
# Seeds are in fuzz/corpus/TARGET; what a run finds goes to build/fuzz/corpus/TARGET, a crash to
# build/fuzz/crashes/TARGET-*. To replay one: build/fuzz/fuzz/TARGET FILE
set -eu
cd "$(dirname "$0")/.."
only=${1:-}
seconds=${2:-}
[ -n "$seconds" ] || seconds=60
cmake --preset fuzz >/dev/null
tools/quiet_ninja.sh build/fuzz all
mkdir -p build/fuzz/crashes
status=0
for program in build/fuzz/fuzz/*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  target=$(basename "$program")
  if [ -n "$only" ] && [ "$target" != "$only" ]; then continue; fi
  found=build/fuzz/corpus/$target
  mkdir -p "$found"
  seeds=
  if [ -d "fuzz/corpus/$target" ]; then seeds=fuzz/corpus/$target; fi
  echo "== $target, $seconds seconds"
  # shellcheck disable=SC2086
  "$program" -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="build/fuzz/crashes/$target-" "$found" $seeds || status=1
done
exit $status
