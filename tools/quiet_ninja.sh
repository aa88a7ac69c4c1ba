#!/bin/sh
# Builds targets with ninja: tools/quiet_ninja.sh FOLDER TARGET...
# One line of progress on a terminal, a line a tenth elsewhere, silence when all is up to date,
# and the whole of a compiler's complaint when it fails.
set -eu
folder=$1
shift
if ninja -C "$folder" -n "$@" 2>/dev/null | grep -q 'no work to do'; then exit 0; fi
echo "building in $folder: $*"
if [ -t 1 ]; then
  exec ninja -C "$folder" --quiet "$@"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if NINJA_STATUS='[%f/%t] ' ninja -C "$folder" "$@" >"$log" 2>&1; then
  tail -n 1 "$log"
else
  # From the first failed step on; the names of files that merely speak of errors do not count.
  grep -A60 -m1 -E '^FAILED:|: (fatal )?error:|^ninja: (error|build stopped)' "$log" >&2 || tail -n 60 "$log" >&2
  exit 1
fi
