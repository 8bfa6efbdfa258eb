#!/usr/bin/env python3
"""The console on a large release: benches/console.py [PROGRAM] [FOLDER] [--search MEGABYTES]

Makes (in FOLDER, once) a release of 5,000 artifacts of which one executable differs by one branch, and a source tree of 80,000 files
with one of 100,000 lines; opens it on a terminal of 200 x 60 in 24 bits, with that file in front, and prints a table: first frame,
key to first byte, bytes of a frame and of a cursor move, memory. With --search a source tree of so many megabytes is searched too,
and ripgrep beside it when it is installed. Needs git and cc; nothing is downloaded.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from terminal import Terminal, fail, percentile

ARTIFACTS, FILES, LINES = 5_000, 80_000, 100_000
# What the console writes behind each frame.
END = b"\x1b[?2026l"


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        fail(f"{' '.join(command)}: {done.stderr.strip()[-400:]}")
    return done.stdout


def commit(tree):
    run("git", "init", "-q", tree)
    who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    run("git", "-C", tree, "add", "-A")
    run("git", "-C", tree, *who, "commit", "-q", "-m", "all of it")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def release(program, folder):
    """The bundle; made once."""
    bundle = os.path.join(folder, "bundle")
    if os.path.exists(os.path.join(bundle, "bagit.txt")):
        return bundle
    shutil.rmtree(folder, ignore_errors=True)
    tree = os.path.join(folder, "tree")
    for i in range(FILES):
        write(f"{tree}/src/m{i // 400:03}/f{i:05}.c", f"/* {i} */\nint f{i}(int x)\n{{\n    return x + {i};\n}}\n")
    lines = (f"static int big{i}(int x) {{ return x * {i}; }} /* line {i + 1} */\n" for i in range(LINES))
    write(f"{tree}/src/biglines.c", "".join(lines))
    commit(tree)
    checks = ["if (sum != want) return 1;", "if (sum == want) return 1;"]
    for side, check in zip(("shipped", "rebuilt"), checks):
        for i in range(ARTIFACTS - 1):
            write(f"{folder}/{side}/usr/share/d{i // 100:02}/file{i:04}.dat", f"data {i}\n" * 40)
        source = os.path.join(folder, f"{side}.c")
        write(source, "int verify(int sum, int want) {\n    " + check + "\n    return 0;\n}\nint main(int n, char **v) { return verify(n, 2); }\n")
        os.makedirs(f"{folder}/{side}/usr/bin", exist_ok=True)
        run("cc", "-O1", "-Wl,--build-id=none", "-o", f"{folder}/{side}/usr/bin/updater", source)
    run(program, "pack", bundle, "--product", "bench", "--version", "1", "--source", tree, "--shipped", f"{folder}/shipped", "--rebuilt",
        f"{folder}/rebuilt")
    return bundle


def press(terminal, keys, rest=0.06):
    """Writes keys; gives the milliseconds to the first byte and the bytes of the largest frame until it is quiet."""
    start = time.perf_counter()
    terminal.write(keys)
    part = terminal.read(2.0)
    took = (time.perf_counter() - start) * 1000
    seen = part
    while part:
        part = terminal.read(rest)
        seen += part
    return took, max((len(frame) + len(END) for frame in seen.split(END)[:-1]), default=0)


def memory(pid):
    """The most that a process and those that it started had, in MiB."""
    with open(f"/proc/{pid}/status") as f:
        own = next((int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM")), 0)
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return own + sum(memory(int(child)) for child in f.read().split())


def large(program, bundle):
    os.environ["COLORTERM"] = "truecolor"
    rows = []
    firsts = []
    for _ in range(10):
        with tempfile.TemporaryDirectory(prefix="countersign-bench-") as state:
            terminal = Terminal([program, "open", bundle, "--state", state, "--theme", "dark"], 200, 60)
            _, seconds = terminal.read_until(b"countersign", 20)
            terminal.close()
            if seconds is None:
                fail("no frame within 20 s")
            firsts.append(seconds * 1000)
    rows.append(("first frame, ms", f"p50 {percentile(firsts, 50):.1f}, most {max(firsts):.1f}", "< 100", max(firsts) < 100))
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as state:
        terminal = Terminal([program, "open", bundle, "--state", state, "--theme", "dark"], 200, 60)
        terminal.read_until(b"countersign", 20)
        if not terminal.quiet(2.0, 300):
            fail("the work behind the screen did not end within 300 s")
        frames = {name: press(terminal, key)[1] for name, key in
                  [("Source", b"2"), ("Provenance", b"3"), ("Artifacts", b"4"), ("Compare", b"5"), ("Findings", b"6"), ("Sign-off", b"7"),
                   ("Overview", b"1"), ("help", b"?")] if not time.sleep(0.6)}
        press(terminal, b"\x1b")
        time.sleep(0.2)
        press(terminal, b"\x10")
        press(terminal, b"biglines", 0.3)
        frames["the file"] = press(terminal, b"\r", 0.5)[1]
        terminal.quiet(0.5)
        moves, times = [], []
        for i in range(400):
            took, count = press(terminal, b"jk"[i % 2 : i % 2 + 1], 0.015)
            if count:
                times.append(took)
                moves.append(count)
        pages = [press(terminal, b"\x06", 0.2)[1] for _ in range(20)]
        peak = memory(terminal.pid)
        terminal.close()
    frames["a page of the file"] = max(pages)
    name = max(frames, key=frames.get)
    rows.append(("key to first byte, ms", f"p50 {percentile(times, 50):.2f}, p99 {percentile(times, 99):.2f} of {len(times)}", "< 5, < 16",
                 percentile(times, 50) < 5 and percentile(times, 99) < 16))
    rows.append(("largest frame, bytes", f"{frames[name]:,} ({name})", "< 16,384", frames[name] < 16_384))
    rows.append(("cursor move, bytes", f"p50 {percentile(moves, 50)}, most {max(moves)}", "< 600", max(moves) < 600))
    rows.append(("memory at most, MiB", f"{peak:.0f}", "< 300", peak < 300))
    return rows


def search(program, folder, megabytes):
    tree, bundle = os.path.join(folder, "tree-search"), os.path.join(folder, "bundle-search")
    if not os.path.exists(os.path.join(bundle, "bagit.txt")):
        line = "static const char *word = \"the quick brown fox jumps over the lazy dog\"; /* nothing here */\n"
        for i in range(megabytes * 4):
            write(f"{tree}/d{i // 200:03}/f{i:05}.c", line * 2_600 + ("int needle_in_it;\n" if i % 500 == 7 else ""))
        commit(tree)
        write(f"{folder}/one/a.txt", "a\n")
        run(program, "pack", bundle, "--product", "bench", "--version", "1", "--source", tree, "--shipped", f"{folder}/one", "--rebuilt",
            f"{folder}/one")
    rows = []
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as state:
        terminal = Terminal([program, "open", bundle, "--state", state], 120, 40)
        terminal.read_until(b"countersign", 20)
        terminal.quiet(5.0, 600)
        press(terminal, b"g/")
        start = time.perf_counter()
        terminal.write(b"needle_in_it")
        seen, first, whole = b"", None, None
        while part := terminal.read(3.0):
            # The last change is when the search is over; the first hit is there when its file is named.
            seen, whole = seen + part, (time.perf_counter() - start) * 1000
            if first is None and re.search(rb"f\d{5}\.c", re.sub(rb"\x1b\[[0-9;?]*[@-~]", b"", seen)):
                first = whole
        terminal.close()
    rows.append(("first hit, ms", f"{first:.0f}" if first else "none", "< 100", bool(first and first < 100)))
    if shutil.which("rg"):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            run("rg", "--no-ignore", "-c", "needle_in_it", tree)
            times.append((time.perf_counter() - start) * 1000)
        limit = 2 * min(times)
        rows.append(("whole search, ms", f"{whole:.0f}" if whole else "none", f"< {limit:.0f} (2 x rg)", bool(whole and whole < limit)))
    else:
        rows.append(("whole search, ms", f"{whole:.0f}" if whole else "none", "rg is not installed", True))
    return rows


arguments = [a for a in sys.argv[1:]]
wanted = 0
if "--search" in arguments:
    at = arguments.index("--search")
    wanted = int(arguments[at + 1])
    del arguments[at : at + 2]
program = os.path.realpath(arguments[0] if arguments else "target/release/countersign")
if not os.access(program, os.X_OK):
    fail(f"no program at {program}: cargo build --release first")
folder = os.path.realpath(arguments[1] if len(arguments) > 1 else os.path.join(tempfile.gettempdir(), "countersign-bench-console"))
table = large(program, release(program, folder))
if wanted:
    table += search(program, folder + "-search", wanted)
for what, figure, limit, good in table:
    print(f"{what:<24} {figure:<40} {limit:<20} {'' if good else 'MISSED'}".rstrip())
print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
sys.exit(0 if all(row[3] for row in table) else 1)
