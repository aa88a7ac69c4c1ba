#!/bin/sh
# Makes the guest's root file system: make_root.sh ROOT KERNEL OUTPUT
#
# ROOT and KERNEL are unpacked packages (see fetch.sh), OUTPUT becomes a compressed initramfs:
# busybox, a few network tools with their libraries, a few modules with what they depend on, and
# the scripts of root/. It stays in memory: what a guest writes is gone when it is stopped.
# enid lays files over it (the agent, the host's name, user data) by a second archive behind it,
# which the kernel unpacks into the same tree.
set -eu
packages=$1
kernel=$2
output=$3
here=$(cd "$(dirname "$0")" && pwd)
. "$here/libraries.sh"

tree=$output.tree
rm -rf "$tree"
trap 'rm -rf "$tree"' EXIT
for folder in bin sbin usr/bin usr/sbin lib64 lib/x86_64-linux-gnu etc/enid etc/iproute2 dev proc sys run \
  tmp root var/log mnt; do
  mkdir -p "$tree/$folder"
done
chmod 1777 "$tree/tmp"

# --- Programs -------------------------------------------------------------------------------------

busybox=$(find "$packages" -path '*/bin/busybox' -type f | head -n 1)
cp "$busybox" "$tree/bin/busybox"
for applet in $("$busybox" --list-full); do
  [ -e "$tree/$applet" ] || ln -s /bin/busybox "$tree/$applet"
done
# The shells are Debian's own: busybox's would run its own `ip` whatever PATH says.
for program in dash bash ip ss tc ethtool iperf3; do
  found=$(find "$packages" \( -path "*/bin/$program" -o -path "*/sbin/$program" \) -type f | head -n 1)
  [ -n "$found" ] || { echo "guest: no $program in the packages" >&2; exit 1; }
  rm -f "$tree"/bin/$program "$tree"/sbin/$program "$tree"/usr/bin/$program "$tree"/usr/sbin/$program
  cp "$found" "$tree/usr/bin/$program"
  copy_libraries "$packages" "$tree/lib/x86_64-linux-gnu" "$found"
done
# Threads that are cancelled (iperf3 -R) ask for it by name, so no program lists it.
cp -nL "$(find "$packages" -name libgcc_s.so.1 | head -n 1)" "$tree/lib/x86_64-linux-gnu/"
ln -s /usr/bin/bash "$tree/bin/bash"  # What user data begins with.
ln -sf /usr/bin/dash "$tree/bin/sh"
cp -L "$packages/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$tree/lib64/"

# --- Modules --------------------------------------------------------------------------------------

version=$(ls "$kernel/usr/lib/modules")
ln -sfn usr/lib "$kernel/lib"
depmod -b "$kernel" "$version"
for module in ena virtio_net vfio-pci vfio_iommu_type1 pktgen af_packet virtio_rng button; do
  # "builtin ena" or "insmod /path/ena.ko.xz [options]", in the order of loading.
  modprobe -d "$kernel" -S "$version" --show-depends "$module" 2>/dev/null | while read -r verb file _; do
    [ "$verb" = insmod ] || continue
    target=$tree/lib/modules/$version/$(basename "$file" .xz)
    [ -e "$target" ] && continue
    mkdir -p "$(dirname "$target")"
    case $file in
      *.xz) xz -dc "$file" >"$target" ;;  # busybox loads them as they are.
      *) cp "$file" "$target" ;;
    esac
  done
done
for module in ena virtio_net vfio-pci vfio_iommu_type1 pktgen; do
  [ -e "$tree/lib/modules/$version/$module.ko" ] || { echo "guest: the kernel has no $module" >&2; exit 1; }
done
for list in order builtin builtin.modinfo; do
  cp "$kernel/usr/lib/modules/$version/modules.$list" "$tree/lib/modules/$version/"
done
depmod -b "$tree" "$version"
rm -f "$tree/lib/modules/$version"/modules.*.bin "$tree/lib/modules/$version"/modules.builtin*

# --- Scripts --------------------------------------------------------------------------------------

cp "$here/root/init" "$tree/init"
cp "$here/root/inittab" "$tree/etc/inittab"
cp "$here/root/boot" "$here/root/interfaces" "$here/root/lease" "$here/root/agent" "$tree/etc/enid/"
chmod 755 "$tree/init" "$tree"/etc/enid/*
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$tree/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$tree/etc/hosts"
printf 'hosts: files dns\n' >"$tree/etc/nsswitch.conf"

(cd "$tree" && find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc --owner=0:0) |
  zstd -q -12 -T0 -f -o "$output"
