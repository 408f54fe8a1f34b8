"""What processes of partitions take of the host."""
import pathlib
import re

STORAGE = "/memfd:zvisor-block"


def memory(pid):
    """Bytes of storage of the guest, and of all else, of a process; pages that several processes share count in parts (Pss)."""
    storage = other = 0
    name = ""
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if head := re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)", line):
            name = head[1]
        elif line.startswith("Pss:"):
            size = int(line.split()[1]) * 1024
            storage, other = (storage + size, other) if name.startswith(STORAGE) else (storage, other + size)
    return storage, other


def wake_ups(pid):
    """How often threads of a process have slept and been woken up so far."""
    count = 0
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            count += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (thread / "status").read_text(), re.M)[1])
        except OSError:
            pass  # it has ended meanwhile
    return count
