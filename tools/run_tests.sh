#!/bin/sh
# Everything that `make test` runs: builds, then one ctest run whose summary is the last word.
#
#   build/dev    g++ 12: the daemon, every unit test; the clients' stories run against this daemon
#   build/asan   clang 19, address and undefined-behaviour sanitizers: the unit tests again
#                (ENID_TEST_SANITIZED=0 leaves this one out)
set -eu
cd "$(dirname "$0")/.."

configure() {
  preset=$1
  shift
  log=$(mktemp)
  cmake --preset "$preset" "$@" >"$log" 2>&1 || { cat "$log"; rm -f "$log"; exit 1; }
  rm -f "$log"
}

sanitized=OFF
if [ "${ENID_TEST_SANITIZED:-1}" = 1 ]; then sanitized=ON; fi
configure dev -DENID_SANITIZED_TESTS=$sanitized
tools/quiet_ninja.sh build/dev all
if [ $sanitized = ON ]; then
  configure asan -DENID_SANITIZED_TESTS=OFF
  tools/quiet_ninja.sh build/asan unit_tests
fi

# The clients' stories make namespaces and TAP devices, so the run is root's.
as_root=
if [ "$(id -u)" != 0 ]; then as_root='sudo -E'; fi
$as_root ctest --test-dir build/dev --output-on-failure --parallel 2 --timeout 600 "$@"
