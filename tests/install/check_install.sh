#!/usr/bin/env bash
# check_install.sh BUILD_DIR cmake|pkg-config: installs the build into a folder of its own, builds the consumer
# against it, runs it, and compares what it says.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1
way=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cmake --install "$build" --prefix "$dir/prefix" >"$dir/install.log"
if [ "$way" = cmake ]; then
  cmake -S "$here/consumer" -B "$dir/build" -G Ninja -DCMAKE_PREFIX_PATH="$dir/prefix" >"$dir/configure.log"
  cmake --build "$dir/build" >"$dir/build.log" || { cat "$dir/build.log"; exit 1; }
  program=$dir/build/consumer
else
  export PKG_CONFIG_PATH
  PKG_CONFIG_PATH=$(dirname "$(find "$dir/prefix" -name streamlab.pc)")
  # shellcheck disable=SC2046
  c++ "$here/consumer/main.cpp" -o "$dir/consumer" $(pkg-config --cflags --libs streamlab)
  program=$dir/consumer
fi
said=$("$program")
[ "$said" = "3 blocks, peak 0.500" ] || { echo "the consumer said: $said"; exit 1; }
