# copy_libraries ROOT TARGET PROGRAM ...: for fetch.sh and make_root.sh.
#
# Copies the shared libraries that the programs need, all of them from ROOT, a tree of unpacked
# packages, to the folder TARGET. ROOT's own ld.so says what is needed: the host's libraries and
# its cache have no part in it.
# shellcheck shell=sh

copy_libraries() {
  from=$1
  to=$2
  shift 2
  folders=$from/usr/lib/x86_64-linux-gnu:$from/lib/x86_64-linux-gnu
  for program in "$@"; do
    "$from/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$folders" \
      --list "$program" >"$from/needed" 2>&1 || continue  # "not a dynamic executable"
    if grep -q 'not found' "$from/needed"; then
      grep 'not found' "$from/needed" >&2
      echo "guest: $program lacks libraries" >&2
      return 1
    fi
    sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p' "$from/needed" | while read -r library; do
      case $library in
        "$from"/*) cp -nL "$library" "$to/" ;;
        *) echo "guest: $program would use the host's $library" >&2; return 1 ;;
      esac
    done || return 1
  done
}
