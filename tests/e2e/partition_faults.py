#!/usr/bin/env python3
"""Kills partitions and the firmware of a running machine at random instants: partition_faults.py [--rounds 1000] [--partitions 4].

After each kill of a partition the others must run on in their processes, the dead one must be reported and start again; after each kill of the
firmware the next one must take every partition up in its process. The first round that differs ends it with status 1."""
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


class Machine(RunningMachine):
    def __init__(self, folder, partitions):
        image = pathlib.Path(folder) / "loop.bin"
        image.write_bytes(images.LOOP)
        self.names = [f"LP{number}" for number in range(1, partitions + 1)]
        text = '[machine]\nname = "FAULTS"\nblock-size = "1M"\n'
        for name in self.names:
            text += f'[partition.{name}]\nmemory = "8M"\nkernel = "{image}"\nrng = false\ncode-cache = "2M"\n'
        super().__init__(folder, text)


def kill_partition(machine, name):
    before = machine.partitions()
    os.kill(before[name]["pid"], signal.SIGKILL)
    machine.soon(f"{name} is reported", lambda: machine.partitions()[name]["state"] == "failed")
    after = machine.partitions()
    for other in machine.names:
        if other != name and (after[other]["pid"], after[other]["state"]) != (before[other]["pid"], "operating"):
            raise AssertionError(f"{other} suffered from the end of {name}: {after[other]}")
    machine.must("lpar", "activate", name)
    machine.must("lpar", "load", name)
    machine.soon(f"{name} operates again", lambda: machine.partitions()[name]["state"] == "operating")


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


def run(machine, rounds, chance):
    counts = {"partition": 0, "firmware": 0}
    for number in range(1, rounds + 1):
        time.sleep(chance.random() * 0.02)
        if chance.random() < 0.75:
            kill_partition(machine, chance.choice(machine.names))
            counts["partition"] += 1
        else:
            kill_firmware(machine)
            counts["firmware"] += 1
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
        machine.start()
        try:
            counts = run(machine, arguments.rounds, random.Random(arguments.seed))
        except AssertionError as wrong:
            events = machine.zvisor("events").output.splitlines()[-20:]
            print(f"faults: FAILED: {wrong}", *events, sep="\n")
            return 1
        finally:
            machine.stop()
    print(f"faults: {counts['partition']} kills of a partition, {counts['firmware']} of the firmware, nothing lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
