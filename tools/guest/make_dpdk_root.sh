#!/bin/sh
# Makes the root file system of DPDK guests: make_dpdk_root.sh DPDK ROOT KERNEL OUTPUT
#
# DPDK, ROOT and KERNEL are unpacked packages (see fetch.sh), OUTPUT becomes a compressed initramfs:
# busybox, testpmd with its libraries, DPDK's ENA driver and one kind of memory pool, and the kernel
# modules that hand a PCI device to a process. Only tests use it (tests/guest/test_dpdk.py): its
# process 1 (dpdk/init) runs testpmd on the console and powers the machine off when that ends.
set -eu
dpdk=$1
root=$2
kernel=$3
output=$4
here=$(cd "$(dirname "$0")" && pwd)
. "$here/libraries.sh"

tree=$output.tree
rm -rf "$tree"
trap 'rm -rf "$tree"' EXIT
libraries=lib/x86_64-linux-gnu
mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/run" "$tree/tmp" "$tree/lib64" \
  "$tree/$libraries" "$tree/drivers"

cp "$(find "$root" -path '*/bin/busybox' -type f | head -n 1)" "$tree/bin/busybox"
cp "$dpdk/usr/bin/dpdk-testpmd" "$tree/bin/"
cp -L "$dpdk/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$tree/lib64/"
# testpmd opens these by name (-d). They are on no path of libraries, as they must be opened once.
for driver in librte_net_ena librte_mempool_ring; do
  cp -L "$(find "$dpdk" -name "$driver.so.[0-9]*" ! -type d | head -n 1)" "$tree/drivers/$driver.so"
done
copy_libraries "$dpdk" "$tree/$libraries" "$tree/bin/dpdk-testpmd" "$tree"/drivers/*.so

version=$(ls "$kernel/usr/lib/modules")
for module in vfio-pci vfio_iommu_type1; do
  modprobe -d "$kernel" -S "$version" --show-depends "$module" 2>/dev/null | while read -r verb file _; do
    [ "$verb" = insmod ] || continue
    mkdir -p "$tree/lib/modules"
    case $file in
      *.xz) xz -dc "$file" >"$tree/lib/modules/$(basename "$file" .xz)" ;;
      *) cp "$file" "$tree/lib/modules/" ;;
    esac
    # In the order of loading.
    grep -qx "$(basename "$file" .xz)" "$tree/lib/modules/order" 2>/dev/null ||
      basename "$file" .xz >>"$tree/lib/modules/order"
  done
  grep -q "^$module.ko" "$tree/lib/modules/order" || { echo "guest: the kernel has no $module" >&2; exit 1; }
done

cp "$here/dpdk/init" "$tree/init"
chmod 755 "$tree/init"
(cd "$tree" && find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc --owner=0:0) |
  zstd -q -12 -T0 -f -o "$output"
