#!/bin/sh
# Makes the guest's root file system: make_root.sh ROOT KERNEL FOLDER
#
# ROOT and KERNEL are unpacked packages (see fetch.sh). The root file system is busybox, a few
# network tools with their libraries, a few modules with what they depend on, and the scripts of
# root/. FOLDER gets it twice:
#
#   root.ext4       a disk without partitions, from which each instance's own is copied
#   boot.cpio.zst   the initramfs that mounts such a disk and goes on there (disk/init)
#   root.cpio.zst   the same files as an initramfs that stays in memory, for machines without a
#                   disk: tests and benches. What such a guest writes is gone when it is stopped.
#
# enid lays files into /etc/enid (the agent, the host's name, user data) by a second archive behind
# the initramfs, which the kernel unpacks into the same tree. On a disk that folder is in memory:
# what is in it belongs to one start of the machine.
set -eu
packages=$1
kernel=$2
output=$3/root.cpio.zst
disk=$3/root.ext4
boot=$3/boot.cpio.zst
# Documented: 8 GiB is what EC2's own Linux images ask for. It takes what is written to it.
disk_size=8G
here=$(cd "$(dirname "$0")" && pwd)
. "$here/libraries.sh"

tree=$output.tree
rm -rf "$tree"
trap 'rm -rf "$tree" "$boot.tree"' EXIT
for folder in bin sbin usr/bin usr/sbin usr/lib/enid lib64 lib/x86_64-linux-gnu etc/enid var/lib/enid etc/iproute2 dev proc sys run \
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
for module in ena virtio_blk virtio_net vfio-pci vfio_iommu_type1 pktgen af_packet virtio_rng button; do
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
for module in ena virtio_blk virtio_net vfio-pci vfio_iommu_type1 pktgen; do
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
for script in boot interfaces lease agent; do cp "$here/root/$script" "$tree/usr/lib/enid/"; done
chmod 755 "$tree/init" "$tree"/usr/lib/enid/*
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$tree/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
printf 'hosts: files dns\n' >"$tree/etc/nsswitch.conf"

# --- Images ---------------------------------------------------------------------------------------

archive() {  # archive TREE OUTPUT
  (cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc --owner=0:0) |
    zstd -q -12 -T0 -f -o "$2"
}

# The disk's files are root's, whoever makes it. The image is a new file, so what is not written is
# zero already: then neither mke2fs nor the guest's kernel has to zero it. Older ones do not know
# that option, and leave the zeroing to the guest.
make_disk() {  # make_disk OPTIONS
  rm -f "$disk"
  set -- mke2fs -q -F -t ext4 -m 1 -N 131072 -J size=32 -L enid-root -E "root_owner=0:0,$1" -d "$tree" "$disk" \
    "$disk_size"
  if [ "$(id -u)" != 0 ]; then set -- unshare --user --map-root-user "$@"; fi
  "$@" >/dev/null
}
make_disk assume_storage_prezeroed=1 2>/dev/null || make_disk lazy_itable_init=1,lazy_journal_init=1
archive "$tree" "$output"

mkdir -p "$boot.tree/bin" "$boot.tree/etc/enid" "$boot.tree/dev" "$boot.tree/root"
cp "$busybox" "$boot.tree/bin/busybox"
for applet in cp insmod mount poweroff sh sleep switch_root; do
  ln -s busybox "$boot.tree/bin/$applet"
done
cp "$tree/lib/modules/$version/virtio_blk.ko" "$boot.tree/"  # ext4 and PCI are in the kernel.
cp "$here/disk/init" "$boot.tree/init"
chmod 755 "$boot.tree/init"
archive "$boot.tree" "$boot"
