#!/usr/bin/env bash
# Proves that the release is reproducible: tools/reproduce.sh [BINARY]
#
# Builds the committed sources twice from nothing, in two folders of different names and lengths and at two times, and compares every
# byte; with BINARY (the one that was handed out), compares that too. Exit code 1 when anything differs.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The same sources for both, also when somebody commits meanwhile.
commit=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")
export SOURCE_DATE_EPOCH
unset CARGO_TARGET_DIR
for folder in one a-second/and-deeper; do
  mkdir -p "$work/$folder"
  git archive "$commit" | tar -x -C "$work/$folder"
  printf '== %s, %s\n' "$folder" "$(date -u +%FT%TZ)"
  "$work/$folder/tools/release.sh" "$work/$folder/out"
  # The next one begins at another second, and finds nothing of this one.
  rm -rf "$work/$folder/target"
  sleep 1
done
status=0
for file in countersign countersign.cdx.json build.txt; do
  cmp "$work/one/out/$file" "$work/a-second/and-deeper/out/$file" || status=1
done
if [ $# -gt 0 ]; then
  cmp "$1" "$work/one/out/countersign" || status=1
fi
# Paths of the machine have no place in it.
if grep -aoE "$(printf '%s|%s' "$work" "${CARGO_HOME:-$HOME/.cargo}")[^[:cntrl:]]{0,60}" "$work/one/out/countersign" | head -n 5 | grep .; then
  printf 'paths of this machine are in the binary\n' >&2
  status=1
fi
[ "$status" = 0 ] && printf 'the same bytes, twice%s: sha256 %s\n' "${1:+, and in $1}" "$(sha256sum < "$work/one/out/countersign" | cut -d' ' -f1)"
exit "$status"
