#!/usr/bin/env bash
# Builds the fuzz targets and runs each of them: fuzz/run.sh SECONDS [TARGET...]
#
# libFuzzer on stable Rust: the compiler is told by flags to count what is reached and to report what is compared. Each target starts
# from its seeds (seeds.sh) and from what earlier runs kept in fuzz/corpus. FUZZ_SEED is where its dice start (0: another place each
# time). JOBS says how many run at a time (1), NICE how low (19). A find is a panic, an overflow, an input of more than 20 seconds or
# 1 GiB: it is kept in fuzz/artifacts, and the exit code is 1.
set -u
cd "$(dirname "$0")" || exit 2
seconds=${1:-}
case $seconds in '' | *[!0-9]*) printf 'usage: fuzz/run.sh SECONDS [TARGET...]\n' >&2; exit 2 ;; esac
shift
all=$(sed -n 's/^path = "targets\/\(.*\)\.rs"$/\1/p' Cargo.toml)
# shellcheck disable=SC2086 # Words are meant to split.
[ $# -gt 0 ] || set -- $all

host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# With --target the flags are for the targets alone, and not for build scripts.
nice -n "${NICE:-19}" cargo build --release --locked --quiet --target "$host" || exit 2
./seeds.sh || exit 2

one() { # target
  local out most=200000
  # What is longer takes its time and finds nothing more: a text is cut at 10,000 cells, the seeds of records have 9 KB at most.
  case $1 in record) most=32768 ;; text) most=20000 ;; printout) most=4096 ;; esac
  mkdir -p "corpus/$1" "artifacts/$1"
  out=$(nice -n "${NICE:-19}" "target/$host/release/$1" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -max_len=$most \
    -print_final_stats=1 -seed="${FUZZ_SEED:-0}" -artifact_prefix="artifacts/$1/" "corpus/$1" "seeds/$1" 2>&1)
  local code=$?
  local runs kept speed
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' <<< "$out")
  speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' <<< "$out")
  kept=$(find "corpus/$1" -type f | wc -l)
  if [ "$code" = 0 ]; then
    printf '%-14s %10s inputs, %6s a second, %5s kept, no find\n' "$1" "$runs" "$speed" "$kept"
  else
    printf '%-14s FOUND something (exit code %s):\n' "$1" "$code"
    grep -vE '^(#|INFO:|stat::|\s*$)' <<< "$out" | tail -n 60
  fi
  return "$code"
}

status=0
running=0
for target in "$@"; do
  one "$target" &
  running=$((running + 1))
  if [ "$running" -ge "${JOBS:-1}" ]; then
    wait -n || status=1
    running=$((running - 1))
  fi
done
while [ "$running" -gt 0 ]; do
  wait -n || status=1
  running=$((running - 1))
done
exit "$status"
