#!/bin/sh
# Everything that `make test` runs: builds, then one ctest run whose summary is the last word.
#
#   build/dev    g++ 12: the daemon, every unit test; the clients' stories run against this daemon
#   build/asan   clang 19, address and undefined-behaviour sanitizers: the unit tests again
#                (ENID_TEST_SANITIZED=0 leaves this one out)
#   build/guest-state   QEMU, a kernel, iPXE and root file systems from Debian's archive, for the
#                tests that boot virtual machines (GUEST=no leaves these out)
set -eu
cd "$(dirname "$0")/.."

# The clients' stories make namespaces and TAP devices, so the run is root's.
as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 || { echo 'make test: neither root nor sudo: the tests make network namespaces' >&2; exit 1; }
  as_root='sudo -E'
fi

# Before the build, so that what cannot work is known in the first minute.
guest_folder=
case ${GUEST:-yes} in
  no) echo 'leaving out the tests that boot virtual machines (GUEST=no)' ;;
  yes)
    $as_root unshare --net true || {
      echo 'make test: this machine lets nobody make network namespaces, which virtual machines need;' >&2
      echo '           make test GUEST=no leaves out the tests that boot them' >&2
      exit 1
    }
    tools/guest/fetch.sh build/guest-state --dpdk || {
      echo 'make test: what virtual machines run on could not be prepared (above). Is there a way to Debian'"'"'s archive?' >&2
      echo '           ENID_DEBIAN_MIRROR names another; make test GUEST=no leaves out the tests that boot machines' >&2
      exit 1
    }
    guest_folder=$PWD/build/guest-state/guest ;;
  *) echo 'usage: make test [GUEST=no]' >&2; exit 2 ;;
esac

configure() {
  preset=$1
  shift
  log=$(mktemp)
  cmake --preset "$preset" "$@" >"$log" 2>&1 || { cat "$log"; rm -f "$log"; exit 1; }
  rm -f "$log"
}

sanitized=OFF
if [ "${ENID_TEST_SANITIZED:-1}" = 1 ]; then sanitized=ON; fi
configure dev -DENID_PRECOMPILE=ON -DENID_SANITIZED_TESTS=$sanitized -DENID_GUEST_FOLDER="$guest_folder"
tools/quiet_ninja.sh build/dev all
if [ $sanitized = ON ]; then
  configure asan -DENID_SANITIZED_TESTS=OFF
  tools/quiet_ninja.sh build/asan unit_tests
fi

$as_root ctest --test-dir build/dev --output-on-failure --parallel 2 --timeout 600 "$@"
