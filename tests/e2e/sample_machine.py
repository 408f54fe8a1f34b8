#!/usr/bin/env python3
"""Figures of the sample machine while it runs (make machine): sample_machine.py [--machine SAMPLE] [--seconds 20] [--moves].

What its three Debians say of themselves and of each other is compared with what the firmware says: names, numbers, CPUs, storage, and the
time each logical CPU was dispatched. With --moves storage and a CPU move to and fro, under load, and the time that takes is printed.
It ends with status 1 when something differs, does not move, or a program has lost data."""
import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import time

from support.api import Api
from support.processes import memory, wake_ups
from support.zvisor import PATIENCE, ZVISOR

LINUXES = ["LINUX1", "LINUX2", "LINUX3"]
# Points of a CPU by which times may differ beside what passes between the readings.
TOLERANCE = 0.1
# Seconds between readings of what processes keep.
BETWEEN_READINGS = 3
HYPFS = "/sys/hypervisor/s390"
TIMES = (f"mountpoint -q {HYPFS} || mount -t s390_hypfs none {HYPFS}; echo 1 > {HYPFS}/update; "
         f"for u in {HYPFS}/systems/*/cpus/*; do echo cpu ${{u#{HYPFS}/systems/}} $(cat $u/onlinetime $u/cputime); done")
# Files are written, copied and compared, over and over.
LOAD = ("while :; do head -c 24M /dev/urandom > /root/f; cp /root/f /root/g; "
        "cmp -s /root/f /root/g && echo same >> /root/compared || echo lost >> /root/compared; done")


class Linux:
    """The root shell at a partition's console."""

    def __init__(self, api, name):
        self._api = api
        self.name = name
        self._commands = 0

    def wait_for_prompt(self):
        text, start, deadline = "", 0, time.monotonic() + PATIENCE
        while not re.search(r"root@\S*:~# ", text):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} shows no prompt")
            more, start = self._api.read_console(self.name, start)
            text += more

    def run(self, command):
        """What a command writes."""
        self._commands += 1
        start = self._api.console_end(self.name)
        # The line that is typed is shown, too, without what marks the end.
        self._api.type(self.name, f" {command}; echo end''-{self._commands}-of\n")
        text, deadline = "", time.monotonic() + PATIENCE
        while f"end-{self._commands}-of" not in text:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: {command}: {text[-200:]}")
            more, start = self._api.read_console(self.name, start)
            text += more
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", text)


class Figures:
    def __init__(self):
        self.wrong = 0

    def compare(self, what, guest, firmware):
        if guest != firmware:
            self.wrong += 1
            print(f"differs: {what}: the guest says {guest}, the firmware {firmware}")


def compare_configuration(figures, linux, partition):
    name = linux.name
    sysinfo = dict(re.findall(r"^(LPAR [\w ]+?): +(.*?) *$", linux.run("cat /proc/sysinfo"), re.M))
    configured, maximum = partition["configured_cpus"], partition["maximum_cpus"]
    for key, value in (("Name", name), ("Number", partition["number"]), ("CPUs Total", maximum), ("CPUs Configured", configured),
                       ("CPUs Standby", maximum - configured), ("CPUs Shared", configured), ("CPUs Dedicated", 0)):
        figures.compare(f"{name} {key}", sysinfo.get(f"LPAR {key}"), str(value))
    figures.compare(f"{name} lscpu", len(re.findall(r"^\d+$", linux.run("lscpu --online --parse=CPU"), re.M)), configured)
    online = re.search(r"Total online memory: +(\d+)", linux.run("lsmem --bytes --summary=only"))
    figures.compare(f"{name} lsmem", int(online[1]), partition["storage"])


def guest_times(linux):
    """Online and CPU time of each logical CPU of the machine, in seconds, by DIAGNOSE X'204'."""
    found = re.findall(r"^cpu (\w+)/cpus/(\d+) (\d+) (\d+)$", linux.run(TIMES), re.M)
    return {(name, int(cpu)): (int(online) / 1e6, int(used) / 1e6) for name, cpu, online, used in found}


def firmware_times(api):
    times = {}
    for name, partition in api.partitions().items():
        for number, cpu in enumerate(partition["logical_cpus"]):
            elapsed = sum(cpu[state] for state in ("dispatched", "waiting", "ready", "stopped"))
            times[name, number] = elapsed, cpu["dispatched"] - cpu["parked"]
    return times


def per_cent(before, after, cpu):
    return 100 * (after[cpu][1] - before[cpu][1]) / (after[cpu][0] - before[cpu][0])


def compare_times(figures, api, watcher, seconds):
    """What the guest says lies between what the firmware said before and after."""
    first = firmware_times(api), guest_times(watcher), firmware_times(api)
    time.sleep(seconds)
    last = firmware_times(api), guest_times(watcher), firmware_times(api)
    for cpu in sorted(first[1]):
        passed = last[1][cpu][0] - first[1][cpu][0]
        # One that is not configured is not online.
        if passed <= 0:
            continue
        before, guest, after = (per_cent(*pair, cpu) for pair in zip(first, last))
        print(f"{cpu[0]} CPU {cpu[1]}: {guest:.2f} % by the guest, {before:.2f} and {after:.2f} % by the firmware")
        between = sum(pairs[2][cpu][0] - pairs[0][cpu][0] for pairs in (first, last))
        tolerance = TOLERANCE + 100 * between / passed
        if not min(before, after) - tolerance <= guest <= max(before, after) + tolerance:
            figures.compare(f"{cpu[0]} CPU {cpu[1]}", guest, before)


def print_host(api, seconds):
    """What the partitions take of the host while nobody asks the guests for anything."""
    pids = {name: each["pid"] for name, each in api.partitions().items()}
    before = {name: wake_ups(pid) for name, pid in pids.items()}
    began = time.monotonic()
    beside = {name: [] for name in pids}
    while time.monotonic() - began < seconds:
        for name, pid in pids.items():
            beside[name].append(memory(pid)[1] / 2**20)
        time.sleep(BETWEEN_READINGS)
    passed = time.monotonic() - began
    for name, pid in pids.items():
        middle, upper = statistics.median(beside[name]), sorted(beside[name])[-1 - len(beside[name]) // 10]
        print(f"{name}: {middle:.1f} MiB of the host beside its storage (median of {len(beside[name])}, a tenth above {upper:.1f}), "
              f"woken up {(wake_ups(pid) - before[name]) / passed:.1f} times a second")


def move(figures, machine, *what):
    began = time.monotonic()
    done = subprocess.run([ZVISOR, "move", *what, "--machine", machine], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    print(f"move {' '.join(what)}: {time.monotonic() - began:.2f} s {done.stderr.splitlines()[-1] if done.returncode else ''}")
    figures.wrong += done.returncode != 0


def move_to_and_fro(figures, api, machine, linuxes):
    for linux in linuxes[:2]:
        linux.run(f"rm -f /root/compared; (setsid sh -c '{LOAD}' > /dev/null 2>&1 &)")
    time.sleep(5)
    for what in (("memory", "1G", "LINUX2", "LINUX1"), ("cpu", "1", "LINUX1", "LINUX3"),
                 ("cpu", "1", "LINUX3", "LINUX1"), ("memory", "1G", "LINUX1", "LINUX2")):
        move(figures, machine, *what)
        for linux in linuxes:
            compare_configuration(figures, linux, api.partitions()[linux.name])
    for linux in linuxes[:2]:
        linux.run("pkill -f /root/compared")
        figures.compare(f"{linux.name} files", "lost" in linux.run("sort -u /root/compared").splitlines(), False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--machine", default="SAMPLE")
    parser.add_argument("--socket", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--moves", action="store_true")
    arguments = parser.parse_args()
    api = Api(arguments.socket or f"/run/zvisor/{arguments.machine}/api.sock")
    linuxes = [Linux(api, name) for name in LINUXES]
    figures = Figures()
    for linux in linuxes:
        linux.wait_for_prompt()
    print_host(api, arguments.seconds)
    for linux in linuxes:
        compare_configuration(figures, linux, api.partitions()[linux.name])
    compare_times(figures, api, linuxes[0], arguments.seconds)
    if arguments.moves:
        move_to_and_fro(figures, api, arguments.machine, linuxes)
    print(f"{figures.wrong} differences")
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
