#!/usr/bin/env bash
# How fast a bundle is hashed, against `openssl dgst`: benches/hash.sh [PROGRAM]
# Files are in the page cache; needs 2 GiB of disk (BENCH_DIR, else the temporary folder) and openssl. BENCH_MIB=1024 sets the size.
set -euo pipefail
program=$(realpath "${1:-target/release/countersign}")
mib=${BENCH_MIB:-1024}
[ -x "$program" ] || { printf 'no program at %s: cargo build --release first\n' "$program" >&2; exit 2; }
work=$(mktemp -d "${BENCH_DIR:-${TMPDIR:-/tmp}}/countersign-hash.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir "$work"/{one,two}
# Not compressible, so that nothing is tempted to look inside; the seed is fixed.
fill() { openssl enc -aes-128-ctr -nosalt -K 000102030405060708090a0b0c0d0e0f -iv "$1" -in /dev/zero 2> /dev/null | head -c "$2"; }
set +o pipefail
fill 00000000000000000000000000000001 $((mib << 20)) > "$work/one/image.bin"
fill 00000000000000000000000000000002 $((mib << 19)) > "$work/two/a.bin"
fill 00000000000000000000000000000003 $((mib << 19)) > "$work/two/b.bin"
set -o pipefail
cat "$work"/*/*.bin > /dev/null

best() { # command...: best of three, in seconds
  local run start end least=
  for run in 1 2 3; do
    rm -rf "$work/state"
    mkdir "$work/state"
    start=$(date +%s%N)
    # A loose directory has no provenance: the check does not pass (1). Anything above is trouble.
    "$@" > "$work/out" 2> "$work/err" || [ $? = 1 ] || { cat "$work/err" >&2; return 2; }
    end=$(date +%s%N)
    if [ -z "$least" ] || [ $((end - start)) -lt "$least" ]; then least=$((end - start)); fi
  done
  awk -v n="$least" 'BEGIN { printf "%.3f", n / 1e9 }'
}
row() { awk -v what="$1" -v s="$2" -v mib="$mib" 'BEGIN { printf "%-46s %8.3f s %7.2f GB/s\n", what, s, mib * 1048576 / s / 1e9 }'; }
ours() { "$program" check "$1" --state "$work/state" --format json; }

openssl_one=$(best openssl dgst -sha256 "$work/one/image.bin")
one=$(best ours "$work/one")
digest=$(openssl dgst -sha256 -r "$work/one/image.bin" | cut -d' ' -f1)
if ! grep -q "$digest" "$work/out"; then
  printf 'note: the report does not print the digest of the file, so that the same work was done is not shown by it\n'
fi
two=$(best ours "$work/two")
single=$(best taskset -c 0 "$program" check "$work/two" --state "$work/state" --format json)

printf 'cores: %s, size: %s MiB, best of three, whole program\n' "$(nproc)" "$mib"
row 'openssl dgst -sha256, one file' "$openssl_one"
row 'countersign check, one file' "$one"
row 'countersign check, two files of half the size' "$two"
row 'the same on one core' "$single"
awk -v a="$openssl_one" -v b="$one" -v c="$single" -v d="$two" \
  'BEGIN { printf "against openssl: %.2f times as fast; second core: %.2f times as fast\n", a / b, c / d }'
