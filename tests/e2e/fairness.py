#!/usr/bin/env python3
"""What partitions of a running machine receive against their weights, in real time: fairness.py [--seconds 60] [--set NAME...].

Each set is a machine of bare-metal partitions (tests/guest/workload.c) that compute, sleep, yield or sleep just before their slice ends. While it
runs, the firmware's account of their CPU time is taken each second and compared with the fluid ideal of weights and caps. `own` is
what the program was told of its dispatched time, `host` the CPU time its process had; `late` are its wake-ups in microseconds as it saw them.
With --limit it ends with status 1 if a share is further off than so many per cent of the physical CPUs over the whole time."""
import argparse
import dataclasses
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

from support.api import Api
from support.machines import RunningMachine
from support.zvisor import ROOT, ZVISOR

GUEST = ROOT / "build/dev/guest/workload.elf"
# Programs begin, and the light ones have their first turns.
WARM_UP = 4


@dataclasses.dataclass
class Member:
    """A partition: what it does (the load parameter of workload.c), its weight, and its cap in CPUs."""

    kind: str
    weight: int = 100
    cap: float = 0
    dedicated: bool = False

    @property
    def competes_fully(self):
        return self.kind[0] in "SC" and not self.dedicated

    def text(self, name, image):
        lines = [f"[partition.{name}]", 'memory = "4M"', f'kernel = "{image}"', "rng = false", 'code-cache = "2M"', f'loadparm = "{self.kind}"']
        lines += ["dedicated = true"] if self.dedicated else [f"weight = {self.weight}"]
        lines += [f"cap = {self.cap:.2f}"] if self.cap else []
        return "\n".join(lines) + "\n"


def random_set(seed, count):
    chance = random.Random(seed)
    kinds = ["S"] * 6 + ["C", "Y", "W5", "W20"]
    return [Member(chance.choice(kinds), chance.randint(1, 999), chance.choice([0, 0, 0, chance.randint(2, 60) / 100])) for _ in range(count)]


SETS = {
    "weights": [Member("S", weight) for weight in (100, 200, 300, 400)],
    "cheats": [Member("C"), Member("Y"), Member("S"), Member("S"), Member("W5")],
    "random-8": random_set(1, 8),
    "random-16": random_set(2, 16),
    "random-32": random_set(3, 32),
    "shared-16": [Member("S") for _ in range(16)],
    "dedicated": [Member("S", dedicated=True), Member("S", 300), Member("S", 100), Member("W5", 500)],
    "yielders": [Member("Y"), Member("Y", 300), Member("S"), Member("S"), Member("S")],
    "wake-ups": [Member("W5", 500)] + [Member("S") for _ in range(4)],
}


def ideal_rates(members, limits, cpus):
    """CPUs for each by its weight, up to its limit; what one cannot use is for the others."""
    rates = [0.0] * len(members)
    rising = {index for index, limit in enumerate(limits) if limit > 0}
    left = cpus
    while rising and left > 1e-9:
        weights = sum(members[index].weight for index in rising)
        step = min([left / weights] + [(limits[index] - rates[index]) / members[index].weight for index in rising])
        for index in rising:
            rates[index] += step * members[index].weight
        left -= step * weights
        rising = {index for index in rising if limits[index] - rates[index] > 1e-9}
    return rates


@dataclasses.dataclass
class Account:
    """Seconds of a partition so far: by the firmware's clock, on a physical CPU, and CPU time of its process."""

    elapsed: float
    received: float
    host: float

    def rates_since(self, before):
        elapsed = self.elapsed - before.elapsed
        return (self.received - before.received) / elapsed, (self.host - before.host) / elapsed


def account(partition):
    cpu = partition["logical_cpus"][0]
    elapsed = sum(cpu[state] for state in ("dispatched", "waiting", "ready", "stopped"))
    return Account(elapsed, cpu["dispatched"] - cpu["parked"], partition["cpu_seconds"])


def accounts(api):
    return [account(partition) for partition in api.partitions().values()]


def reports(text):
    """The figures a program has written, report by report."""
    for block in text.split("reported")[:-1]:
        yield {name: int(number, 16) for name, number in re.findall(r"(\w+) ([0-9a-f]+)\r?\n", block)}


def cpu_time(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class FairMachine(RunningMachine):
    def __init__(self, folder, members, guest):
        self.members = members
        self.names = [f"{member.kind}{number}" for number, member in enumerate(members, 1)]
        text = '[machine]\nname = "FAIR"\nblock-size = "1M"\n'
        super().__init__(folder, text + "".join(member.text(name, guest) for name, member in zip(self.names, members)))

    def watch_consoles(self):
        """Viewers that write to files, and the files."""
        paths = [self.folder / f"{name}.txt" for name in self.names]
        viewers = [subprocess.Popen([ZVISOR, "console", "--follow", name], stdin=subprocess.DEVNULL, stdout=path.open("w"),
                                    stderr=subprocess.DEVNULL, env=self.environment) for name, path in zip(self.names, paths)]
        return viewers, paths


def measure(machine, seconds):
    """Accounts of all partitions each second, what their programs saw in the end, and the firmware's own CPU time as a part."""
    machine.start()
    time.sleep(WARM_UP)
    api = Api(next(machine.folder.glob("run/*/api.sock")))
    pid = machine.firmware()
    own, began = cpu_time(pid), time.monotonic()
    samples = [accounts(api)]
    for second in range(seconds):
        time.sleep(max(0, began + second + 1 - time.monotonic()))
        samples.append(accounts(api))
    firmware = (cpu_time(pid) - own) / (time.monotonic() - began)
    viewers, paths = machine.watch_consoles()
    time.sleep(3)
    for viewer in viewers:
        viewer.kill()
        viewer.wait()
    return samples, [list(reports(path.read_text(errors="replace"))) for path in paths], firmware


def limits_of(members, received):
    """What each could use: those that do not want all they can get are taken as they are."""
    return [min(member.cap or 1, 1) if member.competes_fully else rate for member, rate in zip(members, received)]


def errors(members, rates, cpus):
    """Differences from the ideal as parts of all CPUs; of those that compute, or cheat."""
    sharing = cpus - sum(member.dedicated for member in members)
    limits = [0 if member.dedicated else limit for member, limit in zip(members, limits_of(members, rates))]
    ideal = ideal_rates(members, limits, sharing)
    return ideal, [(rate - goal) / cpus for member, rate, goal in zip(members, rates, ideal) if member.competes_fully]


def seen_between(reports_of_one, first, last):
    """The reports of the time that was measured: online times are those of the firmware's clock."""
    return [report for report in reports_of_one if first.elapsed <= report["online"] / 1e6 <= last.elapsed]


def print_members(machine, ideal, rates, host, seen):
    print(f"  {'name':8} {'weight':>6} {'cap':>5} {'ideal':>6} {'got':>6} {'own':>6} {'host':>6} {'late p50':>9} {'p99':>6} {'max':>6}")
    for index, (name, member) in enumerate(zip(machine.names, machine.members)):
        own = late = "-"
        if len(seen[index]) > 1:
            first, last = seen[index][0], seen[index][-1]
            own = f"{100 * (last['dispatched'] - first['dispatched']) / (last['online'] - first['online']):6.2f}"
            late = f"{last['p50']:9} {last['p99']:6} {last['max']:6}" if last["wakeups"] else "-"
        weight = "dedic." if member.dedicated else member.weight
        goal = "-" if member.dedicated else f"{100 * ideal[index]:.2f}"
        print(f"  {name:8} {weight:>6} {member.cap or '-':>5} {goal:>6} {100 * rates[index]:6.2f} {own:>6} {100 * host[index]:6.2f} {late:>9}")


def run(name, members, seconds, guest):
    """The greatest error over the whole time, in per cent of the physical CPUs."""
    cpus = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        machine = FairMachine(folder, members, guest)
        try:
            samples, seen, firmware = measure(machine, seconds)
        finally:
            machine.stop()
    each_second = [abs(error) for before, after in zip(samples, samples[1:])
                   for error in errors(members, [b.rates_since(a)[0] for a, b in zip(before, after)], cpus)[1]]
    rates, host = zip(*(last.rates_since(first) for first, last in zip(samples[0], samples[-1])))
    seen = [seen_between(each, first, last) for each, first, last in zip(seen, samples[0], samples[-1])]
    ideal, over_all = errors(members, rates, cpus)
    worst = 100 * max(map(abs, over_all))
    print(f"{name}: {len(members)} partitions on {cpus} physical CPUs for {seconds} s; off by {100 * statistics.median(each_second):.2f} % "
          f"(median) and {100 * max(each_second):.2f} % (worst) in a second, {worst:.2f} % in all; firmware {100 * firmware / cpus:.2f} %")
    print_members(machine, ideal, rates, host, seen)
    sys.stdout.flush()
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--set", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--guest", default=GUEST)
    parser.add_argument("--limit", type=float, default=0)
    arguments = parser.parse_args()
    worst = max(run(name, SETS[name], arguments.seconds, arguments.guest) for name in arguments.set)
    return 1 if arguments.limit and worst > arguments.limit else 0


if __name__ == "__main__":
    sys.exit(main())
