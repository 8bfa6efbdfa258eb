#!/usr/bin/env bash
# What befalls a review's disk: [COUNTERSIGN_PROGRAM=FILE] benches/faults.sh [STEP]
# Kills the console (kill -9) at each call that writes its journal, lets each write and sync fail, fills a real disk, flips
# every bit of a journal and of a record, and measures what a durable event costs. Prints one line of figures for each.
# With STEP, only every STEP-th call is tried; with COUNTERSIGN_PROGRAM, the console is that program (absolute path). Needs strace, and root for the small disk; says what it skips.
set -euo pipefail
cd "$(dirname "$0")/.."
export FAULTS_STEP=${1:-1}
cargo test --quiet --test faults --no-run
cargo test --test faults -- --include-ignored --nocapture --test-threads 1
cargo test --lib session::journal -- --include-ignored --nocapture --test-threads 1
