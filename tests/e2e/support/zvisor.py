"""Runs the program under test as a person does: to its end, or with its console held."""
import dataclasses
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
ZVISOR = os.environ.get("ZVISOR", str(ROOT / "build/zvisor"))
# A loaded host is slow; only a hang should reach this.
PATIENCE = int(os.environ.get("PATIENCE", "300"))


@dataclasses.dataclass
class Done:
    status: int
    output: str
    error: str

    @property
    def said(self):
        """The lines zvisor wrote of its own, without the one on the CPU model."""
        return [line for line in self.error.splitlines() if not line.startswith("zvisor: CPU model ")]


def zvisor(*arguments, stdin="", **options):
    """Runs `zvisor ARGUMENTS` to its end."""
    done = subprocess.run(
        [ZVISOR, *arguments], input=stdin, capture_output=True, text=True, errors="replace", timeout=PATIENCE, **options,
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Console:
    """A running zvisor whose console, with zvisor's own lines, is a pipe or a terminal of this process."""

    def __init__(self, *arguments, terminal=False, **options):
        if terminal:
            self._read, other = pty.openpty()
            self._write, streams = self._read, {"stdin": other, "stdout": other, "stderr": other}
            options["start_new_session"] = True
        else:
            self._read, output = os.pipe()
            source, self._write = os.pipe()
            streams = {"stdin": source, "stdout": output, "stderr": output}
        self.process = subprocess.Popen([ZVISOR, *arguments], **streams, **options)
        self.terminal = os.dup(streams["stdin"]) if terminal else None
        for descriptor in set(streams.values()):
            os.close(descriptor)
        self.text = ""
        self._looked_at = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.close_input()
        for descriptor in (self._read, self.terminal):
            if descriptor is not None:
                os.close(descriptor)

    def close_input(self):
        if self._write not in (None, self._read):
            os.close(self._write)
        self._write = None

    def type(self, text):
        os.write(self._write, text.encode())

    def signal(self, number):
        self.process.send_signal(number)

    def _take(self, seconds):
        """Takes what arrives within some seconds; false at the end of the output."""
        if not select.select([self._read], [], [], max(seconds, 0))[0]:
            return True
        try:
            block = os.read(self._read, 65536)
        except OSError:
            block = b""
        self.text += block.decode(errors="replace")
        return bool(block)

    def expect(self, pattern, patience=PATIENCE):
        """Waits until the output holds `pattern` (a regular expression) after what was expected before; returns the match."""
        limit = time.monotonic() + patience
        open_still = True
        while True:
            match = re.compile(pattern).search(self.text, self._looked_at)
            if match:
                self._looked_at = match.end()
                return match
            if not open_still or time.monotonic() > limit:
                raise AssertionError(f"'{pattern}' did not come; the output ends with:\n{self.text[-2000:]}")
            open_still = self._take(limit - time.monotonic()) and self.process.poll() is None or self._take(0)

    def silent(self, seconds):
        """Takes output for some seconds; what came."""
        start = len(self.text)
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and self.process.poll() is None:
            self._take(limit - time.monotonic())
        return self.text[start:]

    def skip(self, seconds):
        """Takes output for some seconds, in which, as in all before, nothing is expected any more."""
        self.silent(seconds)
        self._looked_at = len(self.text)

    def end(self, patience=PATIENCE):
        """Takes output to the end of the process; its status."""
        limit = time.monotonic() + patience
        while self.process.poll() is None:
            self._take(0.2)
            if time.monotonic() > limit:
                raise AssertionError(f"it did not end; the output ends with:\n{self.text[-2000:]}")
        while select.select([self._read], [], [], 0)[0]:
            before = len(self.text)
            if not self._take(0) or len(self.text) == before:
                break
        return self.process.returncode


def interrupt(console):
    console.signal(signal.SIGINT)
