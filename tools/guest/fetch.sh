#!/bin/sh
# Prepares what `qemu` instances run on: tools/guest/fetch.sh STATE_FOLDER [--refresh] [--dpdk]
#
# Makes STATE_FOLDER/guest: a QEMU that speaks vfio-user (>= 10.1; Debian 12 has 7.2), a kernel
# with the `ena` driver, a small root file system, and iPXE with its ENA driver. Everything comes
# from Debian's archive through apt with a private configuration, so the host's own packages stay
# as they are and every file is verified: apt checks the archive's signature, then each package's
# hash. QEMU and its libraries keep to their own folder and run through their own ld.so.
#
#   guest/qemu-system-x86_64   runs the private QEMU; arguments as usual
#   guest/vmlinuz              the kernel
#   guest/root.ext4            the root file system, a disk that each instance copies
#   guest/boot.cpio.zst        the initramfs that starts from such a disk (see make_root.sh)
#   guest/root.cpio.zst        the root file system as an initramfs, for tests without a disk
#   guest/ipxe.lkrn            iPXE, started like a kernel
#   guest/versions             what is in there, one package a line
#   guest/dpdk.cpio.zst        with --dpdk: a root file system with DPDK (see make_dpdk_root.sh)
#
# Safe to call again: does nothing when all is there and made by this version of the scripts.
# ENID_DEBIAN_MIRROR names another mirror. About 85 MB are downloaded, 115 MB are kept; half a minute.
# --dpdk, which only tests want, adds 20 MB and 8 MB.
set -eu
export LC_ALL=C

usage() { echo "usage: $0 STATE_FOLDER [--refresh] [--dpdk]" >&2; exit 2; }
[ $# -ge 1 ] || usage
state=$1
shift
refresh=
dpdk=
for flag in "$@"; do
  case $flag in --refresh) refresh=yes ;; --dpdk) dpdk=yes ;; *) usage ;; esac
done

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$state"
state=$(cd "$state" && pwd)
guest=$state/guest
mirror=${ENID_DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=${ENID_DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

say() { echo "guest: $*"; }
fail() { echo "guest: $*" >&2; exit 1; }

# What was made depends on these files alone; a change of them makes everything anew.
recipe=$(cat "$here"/*.sh "$here"/root/* "$here"/disk/* "$here"/dpdk/* | sha256sum | cut -d' ' -f1)
is_made() {
  [ -z "$refresh" ] && [ "$(cat "$guest/recipe" 2>/dev/null)" = "$recipe" ] &&
    { [ -z "$dpdk" ] || [ -f "$guest/dpdk.cpio.zst" ]; }
}
if is_made; then
  say "ready: $(head -n 1 "$guest/versions")"
  exit 0
fi

for tool in apt-get dpkg-deb cpio zstd depmod modprobe mke2fs; do
  command -v $tool >/dev/null 2>&1 || PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null 2>&1 ||
    fail "$tool is missing: run tools/install_packages.sh guest"
done
PATH=$PATH:/usr/sbin:/sbin
[ -r "$keyring" ] || fail "Debian's keys ($keyring) are missing: run tools/install_packages.sh guest"
[ "$(uname -m)" = x86_64 ] || fail "only x86_64 is prepared for"

# Everything is made beside, and put in place in one go at the end.
mkdir -p "$guest"
exec 9>"$guest/lock"
flock 9  # Two calls at once: the second waits, and then finds all done.
if is_made; then
  say "ready: $(head -n 1 "$guest/versions")"
  exit 0
fi
work=$guest/making
rm -rf "$work"
mkdir -p "$work/apt/lists/partial" "$work/none/partial" "$guest/packages/partial" "$work/new"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# --- Packages -------------------------------------------------------------------------------------

# The host's apt.conf.d is still read: that is where people name their proxy.
cat >"$work/apt/sources.list" <<END
deb [signed-by=$keyring] $mirror trixie main
deb [signed-by=$keyring] $mirror trixie-backports main
END
: >"$work/apt/status"
cat >"$work/apt/apt.conf" <<END
Dir::State "$work/apt";
Dir::State::lists "lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Cache::archives "$guest/packages";
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Update::Post-Invoke { };
APT::Keep-Downloaded-Packages "true";
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "false";
#clear DPkg::Post-Invoke;
#clear APT::Update::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
END
export APT_CONFIG="$work/apt/apt.conf"

quietly() {
  "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; fail "failed: $*"; }
}

say "reading Debian's lists of packages"
quietly apt-get -q -o APT::Update::Error-Mode=any update  # Otherwise a mirror out of reach is a mere warning.

# The packages of an installation, as apt would make it on an empty machine. (A package that was
# downloaded by a call that was cut off would not be listed, so it looks at an empty folder.)
closure() {
  apt-get -q -y --print-uris -o Dir::Cache::archives="$work/none" "$@" | sed -n "s/^'[^']*' \([^ ]*\) .*/\1/p"
}
kernel_package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
[ -n "$kernel_package" ] || fail "linux-image-cloud-amd64 names no kernel"
qemu_wanted="install -t trixie-backports qemu-system-x86"
root_wanted="install busybox-static dash bash iproute2 ethtool iperf3 ipxe"

# shellcheck disable=SC2086  # lists of words are meant, here and below
closure $qemu_wanted >"$work/qemu.list"
# shellcheck disable=SC2086
closure $root_wanted >"$work/root.list"
closure download "$kernel_package" >"$work/kernel.list"
lists='qemu root kernel'
if [ -n "$dpdk" ]; then
  # testpmd is in dpdk-dev, which would bring Python and headers: what it is linked with is enough.
  dpdk_wanted="install $(apt-cache depends dpdk-dev | sed -n 's/^ *Depends: \(lib.*\)/\1/p' | grep -v -e '-dev$' |
    tr '\n' ' ') librte-net-ena25 librte-mempool-ring25"
  # shellcheck disable=SC2086
  { closure $dpdk_wanted; closure download dpdk-dev; } >"$work/dpdk.list"
  lists="$lists dpdk"
fi
for list in $lists; do
  [ -s "$work/$list.list" ] || fail "apt finds no packages for: $list"
done

say "downloading QEMU ($(wc -l <"$work/qemu.list") packages)"
# shellcheck disable=SC2086
quietly apt-get -q -y --download-only $qemu_wanted
say "downloading the root file system ($(wc -l <"$work/root.list") packages)"
# shellcheck disable=SC2086
quietly apt-get -q -y --download-only $root_wanted
say "downloading the kernel ($kernel_package)"
(cd "$guest/packages" && quietly apt-get -q download "$kernel_package")
if [ -n "$dpdk" ]; then
  say "downloading DPDK ($(wc -l <"$work/dpdk.list") packages)"
  # shellcheck disable=SC2086
  quietly apt-get -q -y --download-only $dpdk_wanted
  (cd "$guest/packages" && quietly apt-get -q download dpdk-dev)
fi

unpack() {  # unpack LIST FOLDER
  mkdir -p "$2"
  while read -r file; do
    [ -f "$guest/packages/$file" ] || fail "apt did not bring $file"
    dpkg-deb --fsys-tarfile "$guest/packages/$file" | tar -x -C "$2" --no-same-owner \
      --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale'
  done <"$1"
}

version_of() {  # version_of LIST NAME
  file=$(grep "^$2_" "$1") && dpkg-deb -f "$guest/packages/$file" Version
}

# --- QEMU -----------------------------------------------------------------------------------------

say "unpacking QEMU $(version_of "$work/qemu.list" qemu-system-x86)"
unpack "$work/qemu.list" "$work/qemu"
new=$work/new
libraries=usr/lib/x86_64-linux-gnu
mkdir -p "$new/qemu/lib" "$new/qemu/modules" "$new/qemu/firmware"
cp "$work/qemu/usr/bin/qemu-system-x86_64" "$new/qemu/"
cp "$work/qemu/$libraries/ld-linux-x86-64.so.2" "$new/qemu/lib/"
# Accelerators and, if this version has it so, devices are loaded as modules.
find "$work/qemu/$libraries/qemu" -name 'accel-*x86_64.so' -exec cp {} "$new/qemu/modules/" \;

# Copies the libraries that programs need: copy_libraries ROOT TARGET PROGRAM ...
. "$here/libraries.sh"
copy_libraries "$work/qemu" "$new/qemu/lib" "$new/qemu/qemu-system-x86_64" "$new/qemu/modules"/*.so
for name in bios-256k.bin bios.bin kvmvapic.bin linuxboot.bin linuxboot_dma.bin multiboot.bin \
  multiboot_dma.bin pvh.bin vgabios-stdvga.bin efi-virtio.rom; do
  found=$(find "$work/qemu/usr/share" "$work/qemu/usr/lib/ipxe" -name "$name" -print 2>/dev/null | head -n 1)
  [ -z "$found" ] || cp -L "$found" "$new/qemu/firmware/"
done
[ -f "$new/qemu/firmware/bios-256k.bin" ] || fail "there is no BIOS in the packages"

cat >"$new/qemu-system-x86_64" <<'END'
#!/bin/sh
# Runs the QEMU beside it with the libraries beside it. Made by tools/guest/fetch.sh.
here=$(dirname "$(readlink -f "$0")")/qemu
export QEMU_MODULE_DIR="$here/modules"
exec "$here/lib/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$here/lib" \
  "$here/qemu-system-x86_64" -L "$here/firmware" "$@"
END
chmod 755 "$new/qemu-system-x86_64"
"$new/qemu-system-x86_64" -device help >"$work/devices" 2>&1 ||
  { cat "$work/devices" >&2; fail "this QEMU does not run here"; }
grep -q '"vfio-user-pci"' "$work/devices" || fail "this QEMU has no vfio-user-pci"

# --- Kernel and root file system ------------------------------------------------------------------

say "unpacking the kernel"
unpack "$work/kernel.list" "$work/kernel"
cp "$work/kernel/boot"/vmlinuz-* "$new/vmlinuz"

say "making the root file system"
unpack "$work/root.list" "$work/root"
"$here/make_root.sh" "$work/root" "$work/kernel" "$new" || fail "no root file system"
find "$work/root" -name ipxe.lkrn -exec cp {} "$new/ipxe.lkrn" \;
grep -q . "$new/ipxe.lkrn" || fail "there is no ipxe.lkrn in the packages"
if [ -n "$dpdk" ]; then
  say "making DPDK's root file system"
  unpack "$work/dpdk.list" "$work/dpdk"
  "$here/make_dpdk_root.sh" "$work/dpdk" "$work/root" "$work/kernel" "$new/dpdk.cpio.zst" || fail "no DPDK"
fi

# --- In place -------------------------------------------------------------------------------------

{
  echo "QEMU $(version_of "$work/qemu.list" qemu-system-x86), ${kernel_package#linux-image-}"
  for list in $lists; do cat "$work/$list.list"; done | sort -u
} >"$new/versions"
rm -f "$guest/recipe" "$guest/dpdk.cpio.zst"
[ -z "$dpdk" ] || mv "$new/dpdk.cpio.zst" "$guest/dpdk.cpio.zst"
for item in qemu qemu-system-x86_64 vmlinuz root.ext4 boot.cpio.zst root.cpio.zst ipxe.lkrn versions; do
  rm -rf "${guest:?}/$item"
  mv "$new/$item" "$guest/$item"
done
rm -rf "$guest/packages"
echo "$recipe" >"$guest/recipe"
say "ready: $(head -n 1 "$guest/versions")"
