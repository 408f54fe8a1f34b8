#!/usr/bin/env python3
"""Faults of a running machine at random instants: partition_faults.py [--rounds 1000] [--partitions 4].

A partition is killed, or its process stops answering, or one grows until the host has no memory and ends it: the others must run on in their
processes, answer orders, and the dead one must be reported and start again. The firmware is killed: the next one must take every
partition up in its process. The first round that differs ends it with status 1."""
import argparse
import os
import pathlib
import random
import signal
import sys
import tempfile
import time

from support import images
from support.machines import RunningMachine
from support.memory_group import MemoryGroup

GROWING = "GROWS"
# Seconds an order may take beside a fault, on a loaded host.
LONGEST_ANSWER = 5


class Machine(RunningMachine):
    def __init__(self, folder, partitions):
        image = pathlib.Path(folder) / "loop.bin"
        image.write_bytes(images.LOOP)
        self.names = [f"LP{number}" for number in range(1, partitions + 1)]
        text = '[machine]\nname = "FAULTS"\nblock-size = "1M"\n'
        for name in self.names:
            text += f'[partition.{name}]\nmemory = "8M"\nkernel = "{image}"\nrng = false\ncode-cache = "2M"\n'
        image = pathlib.Path(folder) / "grow.bin"
        image.write_bytes(images.GROW)
        text += f'[partition.{GROWING}]\nmemory = "128M"\nkernel = "{image}"\nrng = false\ncode-cache = "2M"\nautostart = false\n'
        super().__init__(folder, text)

    def state(self, name):
        return self.partitions()[name]["state"]

    def begin(self, name):
        self.must("lpar", "activate", name)
        self.must("lpar", "load", name)

    def begin_again(self, name):
        self.begin(name)
        self.soon(f"{name} operates again", lambda: self.state(name) == "operating")

    def others_run_on(self, name, before):
        """All but `name` run in the processes they had, and answer."""
        after = self.partitions()
        others = [other for other in self.names if other != name]
        for other in others:
            if (after[other]["pid"], after[other]["state"]) != (before[other]["pid"], "operating"):
                raise AssertionError(f"{other} suffered from what was done to {name}: {after[other]}")
        for order in ("stop", "start"):
            began = time.monotonic()
            self.must("lpar", order, others[0])
            if time.monotonic() - began > LONGEST_ANSWER:
                raise AssertionError(f"{others[0]} took {time.monotonic() - began:.1f} s to answer beside what was done to {name}")


def kill_partition(machine, name):
    before = machine.partitions()
    os.kill(before[name]["pid"], signal.SIGKILL)
    machine.soon(f"{name} is reported", lambda: machine.state(name) == "failed")
    machine.others_run_on(name, before)
    machine.begin_again(name)


def silence_partition(machine, name, deactivate):
    """Its process does nothing any more. An operator deactivates it, or else the firmware ends it: it does not give its physical CPU back."""
    before = machine.partitions()
    os.kill(before[name]["pid"], signal.SIGSTOP)
    machine.others_run_on(name, before)
    if deactivate:
        machine.must("lpar", "deactivate", name)
    else:
        machine.soon(f"{name} is ended", lambda: machine.state(name) == "failed")
    machine.others_run_on(name, before)
    machine.begin_again(name)


def exhaust_memory(machine):
    """One grows until the host ends it: its storage is the host's again, or the next would be ended for it."""
    before = machine.partitions()
    machine.memory_group.leave_room(48 << 20)
    machine.begin(GROWING)
    machine.soon(f"{GROWING} is ended", lambda: machine.state(GROWING) == "failed")
    machine.soon("its storage is given back", lambda: machine.partitions()[GROWING]["storage"] == 0)
    machine.others_run_on(GROWING, before)
    machine.memory_group.lift()
    machine.must("lpar", "deactivate", GROWING)


def is_gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def kill_firmware(machine):
    before = machine.partitions()
    firmware = machine.firmware()
    os.kill(firmware, signal.SIGKILL)
    machine.soon("the firmware is gone", lambda: is_gone(firmware))
    machine.start()
    after = machine.partitions()
    for name in machine.names:
        if (after[name]["pid"], after[name]["state"]) != (before[name]["pid"], "operating"):
            raise AssertionError(f"{name} was not taken up: {before[name]} became {after[name]}")


# What is done and how often, in a hundred rounds.
FAULTS = {
    "a partition killed": (65, lambda machine, chance: kill_partition(machine, chance.choice(machine.names))),
    "the firmware killed": (25, lambda machine, chance: kill_firmware(machine)),
    "a partition silent": (5, lambda machine, chance: silence_partition(machine, chance.choice(machine.names), chance.random() < 0.5)),
    "the host out of memory": (5, lambda machine, chance: exhaust_memory(machine)),
}


def run(machine, rounds, chance):
    """How often each fault happened; without a control group the host's memory is left alone."""
    faults = {name: fault for name, fault in FAULTS.items() if machine.memory_group or fault[1] is not FAULTS["the host out of memory"][1]}
    counts = dict.fromkeys(faults, 0)
    for number in range(1, rounds + 1):
        time.sleep(chance.random() * 0.02)
        (name,) = chance.choices(list(faults), [weight for weight, _ in faults.values()])
        faults[name][1](machine, chance)
        counts[name] += 1
        if number % 50 == 0:
            print(f"faults: {number} of {rounds} rounds", flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(folder, arguments.partitions)
        machine.memory_group = MemoryGroup.make()
        machine.start()
        try:
            counts = run(machine, arguments.rounds, random.Random(arguments.seed))
        except AssertionError as wrong:
            events = machine.zvisor("events").output.splitlines()[-20:]
            print(f"faults: FAILED: {wrong}", *events, sep="\n")
            return 1
        finally:
            machine.stop()
            if machine.memory_group:
                machine.memory_group.remove()
    print(f"faults: {', '.join(f'{name} {count} times' for name, count in counts.items())}; nothing lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
