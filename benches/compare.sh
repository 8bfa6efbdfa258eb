#!/usr/bin/env bash
# countersign compare beside diffoscope on the same pairs, in one go: benches/compare.sh [--only-ours] NAME=SHIPPED=REBUILT...
# benches/compare-pairs.py makes pairs. PROGRAM names the program (target/release/countersign), RUNS how often ours is run (the
# best counts), LIMIT how many seconds one run may take (900). Needs diffoscope and python3; nothing is downloaded.
# Lines: the whole text report of each. Memory: our one process as the system counts it, all processes of diffoscope together; both in
# runs of their own, since looking at a program slows it down.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${PROGRAM:-target/release/countersign}")
[ -x "$program" ] || { printf 'no program at %s: cargo build --release first\n' "$program" >&2; exit 2; }
[ $# -gt 0 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
exec python3 benches/compare.py "$program" "${RUNS:-3}" "${LIMIT:-900}" "$@"
