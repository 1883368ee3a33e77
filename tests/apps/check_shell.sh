#!/usr/bin/env bash
# check_shell.sh PROGRAM MANUAL WHAT: what the program gives to a shell and a terminal.
#   manual      man and mandoc read every page without a complaint, and every command has one
#   completion  bash completes commands, options, values, nodes and files
#   colour      errors and warnings have a colour on a terminal, and nowhere else
set -euo pipefail
program=$1
manual=$2
what=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0
expect() {  # WHAT SAID EXPECTED
  [ "$2" = "$3" ] || { printf '%s\n  said:     %s\n  expected: %s\n' "$@"; failures=$((failures + 1)); }
}

case $what in
  manual)
    commands=$("$program" --help | sed -n '/^Subcommands:/,/^$/ s/^  \([a-z]*\) .*/\1/p')
    [ "$(wc -w <<<"$commands")" -ge 10 ] || { echo "there are no commands"; exit 1; }
    for command in $commands; do
      [ -s "$manual/man1/streamlab-$command.1.gz" ] || { echo "streamlab-$command(1) is missing"; exit 1; }
    done
    for page in "$manual"/man?/*.gz; do
      zcat "$page" >"$dir/page"
      expect "mandoc of $page" "$(mandoc -T lint -W warning < "$dir/page" 2>&1)" ""
      expect "man of $page" "$(LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -l "$dir/page" 2>&1 >"$dir/text")" ""
      [ "$(wc -l <"$dir/text")" -gt 10 ] || { echo "$page is empty"; exit 1; }
    done
    # Every node and each of its parameters is in the page of configurations.
    zcat "$manual/man5/streamlab-config.5.gz" | sed 's/\\&//g; s/\\f[BIR]//g; s/\\-/-/g' >"$dir/config"
    for node in $("$program" nodes --json | sed 's/^{"name":"\([A-Za-z]*\)".*/\1/'); do
      grep -qx "\.SS \"$node\"" "$dir/config" || { echo "streamlab-config(5) lacks $node"; exit 1; }
    done
    ;;
  completion)
    source "$manual/bash/streamlab"
    cd "$dir"
    mkdir takes
    touch a.wav "b c.wav" graph.json flow.yaml takes/d.wav
    completed() {  # WORDS…: as typed, the last one up to the cursor
      COMP_WORDS=("$@")
      COMP_CWORD=$(($# - 1))
      _streamlab
      expect "completion of: $*" "$(printf '%s,' ${COMPREPLY[@]+"${COMPREPLY[@]}"})" "$answer"
    }
    answer=run,record, completed streamlab r
    answer=--version, completed streamlab --v
    COMP_WORDS=(streamlab run "") COMP_CWORD=2
    _streamlab
    expect "completion of a configuration" "$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ,)" flow.yaml,graph.json,takes,
    answer="b c.wav," completed streamlab batch graph.json b
    COMP_WORDS=(streamlab run graph.json --se) COMP_CWORD=3
    _streamlab
    expect "completion of an option" "$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ,)" --seconds,--set,
    answer=, completed streamlab run graph.json --seconds ""
    answer=a.wav, completed streamlab run graph.json --plugin a
    answer=sim, completed streamlab record --device s
    answer=takes, completed streamlab batch graph.json a.wav --out-dir t
    answer=LevelMeter, completed streamlab nodes Lev
    answer=zsh, completed streamlab completion z
    answer=a.wav, completed streamlab run graph.json --set input = a
    "$program" completion bash | cmp - "$manual/bash/streamlab"
    if command -v zsh >/dev/null; then zsh -n "$manual/zsh/_streamlab"; fi
    ;;
  colour)
    echo '{"nodes": [{"id": "a", "type": "Gian"}]}' >"$dir/bad.json"
    plain="bad.json: /nodes/0/type (\"a\"): there is no node type \"Gian\"; did you mean \"Gain\"?"
    red=$'\e[1;31mbad.json: /nodes/0/type\e[0m ("a"): there is no node type "Gian"; did you mean "Gain"?'
    cd "$dir"
    on_terminal() { env "$@" script -qec "'$program' check bad.json" /dev/null </dev/null | tr -d '\r'; }
    expect "on a terminal" "$(on_terminal -u NO_COLOR TERM=xterm)" "$red"
    expect "with NO_COLOR" "$(on_terminal NO_COLOR=1 TERM=xterm)" "$plain"
    expect "with an empty NO_COLOR" "$(on_terminal NO_COLOR= TERM=xterm)" "$red"
    expect "on a terminal without colours" "$(on_terminal -u NO_COLOR TERM=dumb)" "$plain"
    expect "in a pipe" "$(env -u NO_COLOR TERM=xterm "$program" check bad.json 2>&1 || true)" "$plain"
    expect "of the short option" "$("$program" -V)" "$("$program" --version)"
    ;;
  *) echo "check_shell.sh: there is no \"$what\"" >&2; exit 2 ;;
esac
[ "$failures" -eq 0 ]
