#!/bin/sh
# Installs the Debian packages that a task needs: tools/install_packages.sh up|test|bench|guest ...
#
# Says nothing and does nothing when all are there, so `make` may call it every time. Works as
# root and, through sudo, as anybody else. An entry is a package, or `command=package` for tools
# that people often have from elsewhere (node, npm): then only the command is asked for.
set -eu

# What builds the daemon and runs it with its instances.
up='g++ cmake ninja-build pkg-config python3 make
    libboost-dev libssl-dev libsqlite3-dev libfmt-dev libspdlog-dev libcli11-dev nlohmann-json3-dev
    libnl-route-3-dev libcap-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
    iproute2 iputils-ping busybox udhcpc curl ca-certificates awscli ccache'

# What the tests add: a second compiler with its tools, and clients that nobody here wrote.
test="$up libgtest-dev libgmock-dev clang-19 clang-format-19 clang-tidy-19
    python3-boto3 python3-scapy isc-dhcp-client bind9-dnsutils ethtool tshark tcpdump iperf3 sqlite3
    node=nodejs npm=npm"

# What the benches add: the things a user would use instead.
bench="$up libgtest-dev libgmock-dev libbenchmark-dev python3-boto3 iperf3 mptcpize bridge-utils
    openvswitch-switch sqlite3"

# What tools/guest/fetch.sh needs to prepare what `qemu` instances run on; QEMU itself, the kernel
# and iPXE are no packages of the host, it takes them from a newer Debian into the state folder.
guest='debian-archive-keyring cpio zstd xz-utils kmod e2fsprogs'

wanted=
for list in "${@:-up}"; do
  case $list in
    up) wanted="$wanted $up" ;;
    test) wanted="$wanted $test" ;;
    bench) wanted="$wanted $bench" ;;
    guest) wanted="$wanted $guest" ;;
    *) echo "usage: $0 up|test|bench|guest ..." >&2; exit 2 ;;
  esac
done

missing=
for entry in $wanted; do
  case $entry in
    *=*) command -v "${entry%%=*}" >/dev/null 2>&1 || missing="$missing ${entry#*=}" ;;
    *) dpkg-query -W -f '${db:Status-Status}' "$entry" 2>/dev/null | grep -qx installed || missing="$missing $entry" ;;
  esac
done
# shellcheck disable=SC2086  # a list of words is meant
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
[ -n "$(printf %s "$missing" | tr -d ' ')" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1; then
  as_root=sudo
else
  echo "these packages are missing, and there is no sudo to install them: $missing" >&2
  exit 1
fi

echo "installing: $missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends \
    -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1
}
# shellcheck disable=SC2086
if ! install install $missing; then
  install update && install install $missing || { tail -n 30 "$log" >&2; exit 1; }
fi
