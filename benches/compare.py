"""Runs both programs on each pair and prints a table. See compare.sh."""
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time


def run(command, limit, out):
    """Seconds and exit code. Nothing else is done meanwhile: whoever looks at a program that runs for milliseconds slows it down."""
    with open(out, "wb") as sink:
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=sink, stderr=subprocess.DEVNULL, start_new_session=True)
        late = threading.Timer(limit, os.killpg, (child.pid, signal.SIGKILL))
        late.start()
        child.wait()
        seconds = time.monotonic() - start
        late.cancel()
    return (None, None) if seconds > limit else (seconds, child.returncode)


def peak_of_all(command, limit, out):
    """Peak of all processes at once in MiB, by looking every few milliseconds; in a run of its own."""
    with open(out, "wb") as sink:
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=sink, stderr=subprocess.DEVNULL, start_new_session=True)
        most = 0
        while True:
            try:
                child.wait(0.005 if time.monotonic() - start < 1 else 0.05)
                return most
            except subprocess.TimeoutExpired:
                most = max(most, tree_memory(child.pid))
                if time.monotonic() - start > limit:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
                    return most


def tree_memory(leader):
    """MiB in use by the processes of one session."""
    total = 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as f:
                after = f.read().rsplit(")", 1)[1].split()
            if int(after[3]) == leader:
                total += int(after[21]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            pass
    return total / 2**20


def peak(command, out):
    """The largest resident size as the system counts it, in MiB; of one process."""
    timer = shutil.which("time")
    if timer is None:
        return None
    with open(out, "wb") as sink, tempfile.NamedTemporaryFile() as log:
        subprocess.run([timer, "-f", "%M", "-o", log.name, *command], stdout=sink, stderr=subprocess.DEVNULL)
        return int(log.read().split()[-1]) / 1024


def best(command, runs, limit, out):
    times, code = [], 0
    for _ in range(runs):
        seconds, code = run(command, limit, out)
        if seconds is None:
            return None, code
        times.append(seconds)
        if seconds > 30:
            break
    return min(times), code


def lines(path):
    with open(path, "rb") as f:
        return sum(1 for _ in f)


def main():
    program, runs, limit, pairs = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    only_ours = "--only-ours" in pairs
    pairs = [p for p in pairs if not p.startswith("--")]
    head = f"{'pair':<14}{'size':>9} | {'ours':>9}{'memory':>9}{'lines':>8} | {'diffoscope':>10}{'memory':>9}{'lines':>9} | {'faster':>8}"
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, best of {runs}; sizes in MiB, memory in MiB")
    print(head)
    print("-" * len(head))
    with tempfile.TemporaryDirectory(prefix="countersign-compare-") as work:
        for pair in pairs:
            name, a, b = pair.split("=")
            size = (os.path.getsize(a) + os.path.getsize(b)) / 2**20
            out = f"{work}/out"
            ours = [program, "compare", a, b]
            seconds, code = best(ours, runs, limit, out)
            if seconds is None:
                print(f"{name:<14}{size:>9.1f} | > {limit:.0f} s", flush=True)
                continue
            own_lines = lines(out)
            memory = peak(ours, out)
            if memory is None:
                memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            row = f"{name:<14}{size:>9.1f} | {seconds:>8.3f}s{memory:>9.0f}{own_lines:>8} | "
            if only_ours:
                print(row + f"exit {code}", flush=True)
                continue
            # The first run reads it from the disk, as the first of ours did: not counted where it is short.
            other = ["diffoscope", "--no-progress", "--max-report-size", "0", "--text", "-", a, b]
            their_memory = peak_of_all(other, limit, out)
            theirs, _ = best(other, 1, limit, out)
            if theirs is None:
                print(row + f"{'> ' + format(limit, '.0f') + ' s':>10}{their_memory:>9.0f}{lines(out):>9} | {'> ' + format(limit / seconds, '.0f'):>8}", flush=True)
            else:
                print(row + f"{theirs:>9.2f}s{their_memory:>9.0f}{lines(out):>9} | {theirs / seconds:>7.0f}x", flush=True)


main()
