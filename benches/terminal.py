"""A program on a pseudo-terminal, for the benches. Standard library only."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


class Terminal:
    """Starts the command on a terminal of that size and reads what it writes."""

    def __init__(self, command, columns=120, rows=40):
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.environ["TERM"] = "xterm-256color"
            os.environ["COLUMNS"], os.environ["LINES"] = str(columns), str(rows)
            try:
                os.execvp(command[0], command)
            except OSError as error:
                print(f"{command[0]}: {error.strerror}")
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        """The next bytes; empty when none come in that time or the program has ended."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return b""
        try:
            return os.read(self.fd, 1 << 16)
        except OSError:
            return b""

    def read_until(self, word, seconds):
        """Reads until `word` was written. Returns all bytes and the seconds since the start, or None for the time."""
        seen, end = b"", time.perf_counter() + seconds
        while time.perf_counter() < end:
            seen += self.read(max(0.0, end - time.perf_counter()))
            if word in seen:
                return seen, time.perf_counter() - self.started
            if self.ended():
                break
        return seen, None

    def quiet(self, seconds=0.25, limit=60.0):
        """Reads until nothing was written for that long. Says whether that came to be."""
        end = time.perf_counter() + limit
        while time.perf_counter() < end:
            if not self.read(seconds):
                return True
        return False

    def write(self, keys):
        os.write(self.fd, keys)

    def ended(self):
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True

    def close(self):
        """Ends the program that was started here, and only that one."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


def percentile(values, share):
    """The smallest value that at least that share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(2)
