"""A control group whose processes have so much of the host's memory and no more."""
import os
import pathlib
import time

# Where its files are, and what they are called: version 1 and version 2.
VERSIONS = [
    (pathlib.Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "-1"),
    (pathlib.Path("/sys/fs/cgroup"), "memory.max", "memory.current", "max"),
]


class MemoryGroup:
    @classmethod
    def make(cls):
        """A new one, or nothing where this process may not make any."""
        for root, limit, usage, unlimited in VERSIONS:
            folder = root / f"zvisor-test-{os.getpid()}"
            try:
                folder.mkdir()
            except OSError:
                continue
            if (folder / limit).exists():
                return cls(folder, limit, usage, unlimited)
            folder.rmdir()
        return None

    def __init__(self, folder, limit, usage, unlimited):
        self._folder = folder
        self._limit = folder / limit
        self._usage = folder / usage
        self._unlimited = unlimited

    def join(self):
        """Puts this process into it."""
        (self._folder / "cgroup.procs").write_text("0")

    def leave_room(self, room):
        """From now on it may use so many bytes more than it does."""
        self._limit.write_text(str(int(self._usage.read_text()) + room))

    def lift(self):
        self._limit.write_text(self._unlimited)

    def remove(self):
        deadline = time.monotonic() + 20
        while True:
            try:
                return self._folder.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)
