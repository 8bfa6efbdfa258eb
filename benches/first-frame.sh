#!/usr/bin/env bash
# Time from start to the first frame, on a terminal of 120 x 40: benches/first-frame.sh [PROGRAM] [BUNDLE] [RUNS]
# The first frame is there when the word "countersign" has been written. Each run has a new state folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "${1:-target/release/countersign}")
bundle=$(realpath "${2:-$here/../testdata/demo/release.tar}")
[ -x "$program" ] || { printf 'no program at %s: cargo build --release first\n' "$program" >&2; exit 2; }
PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 exec python3 - "$program" "$bundle" "${3:-20}" <<'PY'
import sys, tempfile
from terminal import Terminal, fail, percentile

program, bundle, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
times = []
for _ in range(runs):
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as state:
        terminal = Terminal([program, "open", bundle, "--state", state])
        seen, seconds = terminal.read_until(b"countersign", 10)
        terminal.close()
        if seconds is None:
            fail(f"no frame within 10 s; it wrote: {seen[:300]!r}")
        times.append(seconds * 1000)
print(f"first frame of {bundle}: {runs} runs, p50 {percentile(times, 50):.1f} ms, "
      f"p95 {percentile(times, 95):.1f} ms, least {min(times):.1f} ms, most {max(times):.1f} ms")
PY
