#!/usr/bin/env python3
"""Many minimal partitions at once: many_partitions.py [--partitions 200].

How fast they are activated, how long each takes to answer a line that is typed at its console, one after the other and all at once, and what
an idle one takes of the host: memory beside its storage, with its part of the firmware's, and wake-ups. With --limit it ends with status 1
when an answer took more seconds than that."""
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from support.api import Api
from support.machines import RunningMachine
from support.processes import memory, wake_ups

SOURCE = pathlib.Path(__file__).parent / "support/echo.S"
COMPILER = "s390x-linux-gnu-gcc -march=z15 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-Ttext=0x10000 -Wl,-e,start".split()
# Seconds over which wake-ups of idle partitions are counted.
IDLE = 10


class Many(RunningMachine):
    def __init__(self, folder, count):
        image = pathlib.Path(folder) / "echo.elf"
        subprocess.run([*COMPILER, "-o", image, SOURCE], check=True)
        self.names = [f"P{number}" for number in range(1, count + 1)]
        text = '[machine]\nname = "MANY"\nblock-size = "1M"\n'
        for name in self.names:
            text += f'[partition.{name}]\nmemory = "4M"\nkernel = "{image}"\nrng = false\ncode-cache = "2M"\n'
        super().__init__(folder, text)

    def api(self):
        return Api(next(self.folder.glob("run/*/api.sock")))


def wait_for_all(api, names):
    while sum(each["state"] == "operating" for each in api.partitions().values()) < len(names):
        time.sleep(0.02)


def wait_for_line(api, name, start, line):
    text = ""
    while line not in text:
        more, start = api.read_console(name, start)
        text += more


def answer_times(api, names, line):
    """Seconds until each has answered, asked one after the other."""
    times = []
    for name in names:
        start = api.console_end(name)
        began = time.monotonic()
        api.type(name, line + "\n")
        wait_for_line(api, name, start, line)
        times.append(time.monotonic() - began)
    return times


def answer_time_of_all(api, names, line):
    """Seconds until the last has answered, asked all at once."""
    starts = [api.console_end(name) for name in names]
    began = time.monotonic()
    for name in names:
        api.type(name, line + "\n")
    for name, start in zip(names, starts):
        wait_for_line(api, name, start, line)
    return time.monotonic() - began


def print_idle(api):
    pids = [each["pid"] for each in api.partitions().values()]
    firmware = api.machine()["pid"]
    before = sum(map(wake_ups, pids)), wake_ups(firmware)
    time.sleep(IDLE)
    after = sum(map(wake_ups, pids)), wake_ups(firmware)
    beside = [memory(pid)[1] for pid in pids]
    own = memory(firmware)[1] / len(pids)
    print(f"idle: {statistics.mean(beside) / 2**20:.2f} MiB beside storage each, {max(beside) / 2**20:.2f} at most, and {own / 2**20:.2f} of the "
          f"firmware's; woken up {(after[0] - before[0]) / IDLE / len(pids):.2f} times a second each, the firmware {(after[1] - before[1]) / IDLE:.2f}")


def rate(api, names, order):
    began = time.monotonic()
    for name in names:
        api.order(name, order)
    return len(names) / (time.monotonic() - began)


def measure(machine):
    """The longest answer, in seconds."""
    began = time.monotonic()
    machine.start()
    api = machine.api()
    wait_for_all(api, machine.names)
    took = time.monotonic() - began
    print(f"{len(machine.names)} partitions operate {took:.2f} s after the start: {len(machine.names) / took:.0f} a second")
    one_by_one = answer_times(api, machine.names, "one")
    print(f"answers: {1000 * statistics.median(one_by_one):.1f} ms (median), {1000 * max(one_by_one):.1f} ms (longest)")
    at_once = answer_time_of_all(api, machine.names, "all")
    print(f"asked at once: the last has answered after {1000 * at_once:.0f} ms")
    print_idle(api)
    print("a second: " + ", ".join(f"{order} {rate(api, machine.names, order):.0f}" for order in ("deactivate", "activate", "load")))
    return max(*one_by_one, at_once)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--partitions", type=int, default=200)
    parser.add_argument("--limit", type=float, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine = Many(folder, arguments.partitions)
        try:
            longest = measure(machine)
        finally:
            machine.stop()
    return 1 if arguments.limit and longest > arguments.limit else 0


if __name__ == "__main__":
    sys.exit(main())
