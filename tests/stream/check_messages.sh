#!/usr/bin/env bash
# check_messages.sh COMPILER FILE: compiles a wrong program (syntax only). In each line that ends with "// says: TEXT" the
# compiler must find exactly one thing wrong, and say TEXT in that one line; nowhere else anything.
set -euo pipefail
compiler=$1
file=$2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if said=$(LC_ALL=C "$compiler" -std=c++20 -fsyntax-only -fdiagnostics-color=never -I "$root" "$file" 2>&1); then
  echo "it compiles: $said"
  exit 1
fi
failed=0
# A failed static_assert stands in a header: "required from here" names the line of the program that is to blame.
blamed=$(awk -v file="$file" '
  index($0, file ":") == 1 && / required from here$/ { split(substr($0, length(file) + 2), at, ":"); line = at[1] }
  /: (error|warning): / {
    if (index($0, file ":") == 1) { split(substr($0, length(file) + 2), at, ":"); line = at[1] }
    print line ":" $0
  }' <<<"$said")
while IFS=: read -r number text; do
  expected=$(sed -n 's|.*// says: ||p' <<<"$text")
  there=$(grep "^$number:" <<<"$blamed" || true)
  if [ "$(grep -c . <<<"$there")" != 1 ] || ! grep -qF "$expected" <<<"$there"; then
    echo "line $number: expected one message with: $expected"
    echo "  the compiler said: ${there:-nothing}"
    failed=1
  fi
done < <(grep -n '// says: ' "$file" | grep -v '^[0-9]*://')
others=$(grep -vE "^($(grep -n '// says: ' "$file" | cut -d: -f1 | paste -sd'|')):" <<<"$blamed" || true)
if [ -n "$others" ]; then
  echo "messages about other lines:"
  echo "$others"
  failed=1
fi
[ "$failed" = 0 ] || { echo "$said"; exit 1; }
