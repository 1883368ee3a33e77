#!/usr/bin/env bash
# check_install.sh BUILD_DIR WHAT: checks an installed StreamLab, as other projects use it.
#   install      installs the build into BUILD_DIR/install/prefix; the others use that
#   documents    looks for every file that an installed document links to
#   headers      compiles every installed header alone
#   cmake        builds the examples and the consumer with find_package, runs them
#   pkg-config   builds the consumer with pkg-config, runs it
#   plugin       builds the example of a plug-in, runs it in the installed program
#   own_node     builds and runs what docs/writing-a-node.md shows for a program of one's own
# What was compiled once and has not changed is not compiled again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$1
dir=$build/install
prefix=$dir/prefix

run() {  # COMMAND…: its output is shown when it fails
  "$@" >"$dir/$what.log" 2>&1 || { tail -n 60 "$dir/$what.log"; echo "failed: $*"; exit 1; }
}
cmake_build() {  # SOURCE BUILD
  local launcher=()
  ! command -v ccache >/dev/null || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  run cmake -S "$1" -B "$2" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" "${launcher[@]}"
  run cmake --build "$2" -- -k 0
}
expect() {  # WHAT SAID EXPECTED
  [ "$2" = "$3" ] || { printf '%s said:\n%s\nexpected:\n%s\n' "$@"; exit 1; }
}
# Each example in FOLDER, beside the one that was built in the source tree, whose output the tests of apps/ check.
check_programs() {
  local name
  for name in fan_out levels_at_marks loudest_second unreliable_analyser; do
    expect "$name" "$("$1/$name" 2>&1)" "$("$build/examples/$name" 2>&1)"
  done
  local voice=/usr/share/sounds/alsa/Front_Center.wav
  expect levels_of_batch "$("$1/levels_of_batch" "$voice" 2>&1)" "$("$build/examples/levels_of_batch" "$voice" 2>&1)"
  rm -f "$dir/$what."{levels,live,state}
  "$1/resume_levels" "$voice" "$dir/$what.levels" "$dir/$what.state" >/dev/null
  expect "resume_levels, in lines," "$(wc -l <"$dir/$what.levels")" 143
  "$1/live_levels" "$dir/$what.live" "file:$voice" 1 >/dev/null
  expect "live_levels, in lines," "$(wc -l <"$dir/$what.live")" 10
}

what=$2
mkdir -p "$dir"
case $what in
  install)
    rm -rf "$prefix"
    run cmake --install "$build" --prefix "$prefix"
    ;;
  documents) run python3 "$here/check_links.py" "$prefix/share/doc/streamlab" ;;
  headers) cmake_build "$here/headers" "$dir/headers" ;;
  cmake)
    cmake_build "$prefix/share/doc/streamlab/examples/cpp" "$dir/cmake/examples"
    cmake_build "$here/consumer" "$dir/cmake/consumer"
    expect consumer "$("$dir/cmake/consumer/consumer")" "3 blocks, peak 0.500"
    check_programs "$dir/cmake/examples"
    ;;
  pkg-config)
    export PKG_CONFIG_PATH
    PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name streamlab.pc)")
    # shellcheck disable=SC2046
    run c++ $(pkg-config --cflags streamlab) "$here/consumer/main.cpp" -o "$dir/with_pkg_config" \
      $(pkg-config --libs streamlab)
    expect consumer "$("$dir/with_pkg_config")" "3 blocks, peak 0.500"
    ;;
  own_node)
    rm -rf "$dir/document"
    python3 "$top/tests/documents/code_of_document.py" "$top/docs/writing-a-node.md" "$dir/document"
    own=$dir/document/own_node
    cp "$dir/document/nodes/processors/tremolo.cpp" "$own"
    cmake_build "$own" "$own/build"
    expect own_node "$("$own/build/own_node")" "$(cat "$dir/document/text")"
    run "$own/build/own_node_test" /usr/share/sounds/alsa/Front_Center.wav
    ;;
  plugin)
    example=$prefix/share/doc/streamlab/examples/cpp/plugin
    cmake_build "$example" "$dir/plugin"
    library=$dir/plugin/libsoft_clip.so
    # The peak of a tone of half the full scale, through y = tanh(d x) / tanh(d), for two drives.
    for drive in 2 5; do
      "$prefix/bin/streamlab" run "$example/soft_clip.json" --set drive=$drive --plugin "$library" --quiet >"$dir/plugin.csv"
      python3 - "$dir/plugin.csv" $drive <<'PYTHON'
import csv, math, sys
rows = list(csv.DictReader(open(sys.argv[1])))
peak = [float(value) for name, value in rows[0].items() if "peak_db" in name][0]
drive = float(sys.argv[2])
expected = 20 * math.log10(math.tanh(0.5 * drive) / math.tanh(drive))
assert len(rows) == 1 and abs(peak - expected) < 1e-9, (peak, expected)
PYTHON
    done
    STREAMLAB_PLUGIN_PATH=$dir/plugin run "$prefix/bin/streamlab" check "$example/soft_clip.json"
    # Only the object that the program looks for is seen from outside, beside weak ones of the standard library.
    expect "nm" "$(nm --dynamic --defined-only "$library" | grep ' [TDBR] ' | cut -d ' ' -f 3)" streamlab_plugin
    expect "streamlab nodes" "$("$prefix/bin/streamlab" nodes SoftClip --plugin "$library" | head -1)" SoftClip
    if "$prefix/bin/streamlab" check "$example/soft_clip.json" 2>"$dir/plugin.err"; then exit 1; fi
    grep -q 'there is no node type "SoftClip"' "$dir/plugin.err"
    ;;
  *) echo "check_install.sh: there is no \"$what\"" >&2; exit 2 ;;
esac
