#!/bin/sh
# Fails, naming the files, when a C++ file of the repository is not as clang-format writes it.
set -eu
cd "$(dirname "$0")/.."
git ls-files '*.cc' '*.h' | xargs -r -P "$(nproc)" -n 8 clang-format-19 --dry-run --Werror && echo 'format is in order'
