#!/usr/bin/env bash
# check_package.sh: what scripts/package made, on a bare Debian 12 in a folder of its own. Needs root, debootstrap and a
# network. The package is installed by apt, used for the main jobs as an ordinary user, removed, and must leave nothing;
# the folder of the tarball is unpacked and used without anything installed.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
packages=$top/build/packages
[ "$(id -u)" -eq 0 ] || { echo "check_package.sh: run as root" >&2; exit 2; }
# Mounts live in a namespace of their own, which ends with this script.
[ "${SL_OWN_NAMESPACE:-}" = 1 ] || SL_OWN_NAMESPACE=1 exec unshare --mount "$0" "$@"
work=$(mktemp -d)
trap 'umount "$work"/*/proc "$work"/*/dev/shm 2>/dev/null || true; rm -rf "$work"' EXIT

fail() { echo "check_package.sh: $*" >&2; exit 1; }
bare=${SL_BARE_DEBIAN:-$top/build/bare}  # made once
if [ ! -e "$bare/ready" ]; then
  rm -rf "$bare"
  mkdir -p "$bare"
  debootstrap --variant=minbase bookworm "$bare/root" http://deb.debian.org/debian >"$bare/log" 2>&1 ||
    { tail "$bare/log" >&2; fail "debootstrap failed"; }
  # The ways to the network and to packages that this machine has.
  cp -L /etc/resolv.conf "$bare/root/etc/" || true
  grep -l '^ *Acquire' /etc/apt/apt.conf.d/* | xargs -r -I{} cp {} "$bare/root/etc/apt/apt.conf.d/"
  touch "$bare/ready"
fi
in_root() {  # ROOT COMMAND
  chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive \
    bash -euc "$2"
}
as_user() { in_root "$1" "cd /home/user && setpriv --reuid=1000 --regid=1000 --clear-groups env HOME=/home/user bash -euc '$2'"; }
new_root() {
  cp -a "$bare/root" "$work/$1"
  mount -t proc proc "$work/$1/proc"
  mkdir -p "$work/$1/dev/shm"
  mount -t tmpfs tmpfs "$work/$1/dev/shm"
  in_root "$work/$1" "useradd --uid 1000 --create-home user"
}
# Blocks as JSON Lines, in an order of their own: two threads write them.
results() { grep '"channels"' "$1" | sort; }
# The main job on the simulated card, and a file's levels, by PROGRAM and CONFIGS as they are seen in ROOT.
use() {  # ROOT PROGRAM CONFIGS
  local root=$1 program=$2 configs=$3
  as_user "$root" "$program --version && $program run $configs/live_capture.json --set device=sim:/tmp/voice.wav --seconds 2 --quiet >live.txt"
  [ "$(cat "$root"/home/user/live_capture*.jsonl | grep -c main_channel.rms_db)" -ge 2 ] || fail "the main job wrote no levels"
  as_user "$root" "$program run $configs/file_analysis.json --set input=/tmp/voice.wav --json >levels.jsonl"
  [ "$(results "$root/home/user/levels.jsonl")" = "$expected" ] || fail "other levels than where it was built"
  as_user "$root" "$program doctor >/dev/null; $program devices >/dev/null"
}

cp /usr/share/sounds/alsa/Front_Center.wav "$work/voice.wav"
"$top/build/release/bin/streamlab" run "$top/configs/file_analysis.json" --set "input=$work/voice.wav" --json \
  >"$work/expected.jsonl" 2>"$work/log"
expected=$(results "$work/expected.jsonl")
[ -n "$expected" ] || fail "the program gives no levels where it was built"
new_root package
root=$work/package
cp "$packages"/streamlab_*.deb "$work/voice.wav" "$root/tmp/"
in_root "$root" "apt-get -qq update"
in_root "$root" "find / -xdev | sort >/tmp/before"
in_root "$root" "apt-get -qq -y install --no-install-recommends /tmp/streamlab_*.deb" >"$work/apt.log" 2>&1 ||
  { tail "$work/apt.log" >&2; fail "apt cannot install it"; }
use "$root" streamlab /usr/share/doc/streamlab/examples/configs
in_root "$root" ". /usr/share/bash-completion/completions/streamlab
  COMP_WORDS=(streamlab nodes Lev) COMP_CWORD=2; _streamlab; [ \"\${COMPREPLY[*]}\" = LevelMeter ]"
for file in man/man1/streamlab.1.gz man/man1/streamlab-run.1.gz man/man5/streamlab-config.5.gz \
  zsh/vendor-completions/_streamlab doc/streamlab/copyright; do
  [ -s "$root/usr/share/$file" ] || fail "there is no $file"
done
in_root "$root" "apt-get -qq -y purge streamlab && apt-get -qq -y autoremove --purge" >"$work/apt.log" 2>&1 ||
  { tail "$work/apt.log" >&2; fail "apt cannot remove it"; }
left=$(in_root "$root" "find / -xdev | sort | comm -13 /tmp/before - | grep -E '^/(usr|etc|opt|var/lib)/.*streamlab'") || true
[ -z "$left" ] || fail "the package left: $left"
echo "the package: installed, used, removed"

new_root folder
root=$work/folder
cp "$work/voice.wav" "$root/tmp/"
tar --extract --gzip --file "$packages"/streamlab-*.tar.gz --directory "$root/opt"
program=$(cd "$root" && echo opt/streamlab-*)
use "$root" "/$program/bin/streamlab" "/$program/share/doc/streamlab/examples/configs"
echo "the folder: unpacked, used"
