#!/usr/bin/env python3
"""What a dedicated partition loses against `zvisor run`: dedicated.py [--pairs 6] [--rounds 8] [--neighbours 0].

The same Linux guest computes round by round in a partition with a dedicated CPU and under `zvisor run`, at once, both CPUs of the guests on the same
CPU of the host, so that both have the same of what else the host does; each goes on until the other has done its rounds, too. Compared is the CPU time
the host counts for their processes: for the boot and the first round, which bring memory into use and translate, and for all rounds behind it. The
firmware's, which works for all partitions, is counted besides. --neighbours begins so many idle Linux partitions. --itself compares two
`zvisor run`: what then differs from 1 is this host's. --kernel and --initrd take another guest, whose console says "round done" behind each round."""
import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time

from support import linux
from support.machines import RunningMachine
from support.zvisor import Console

TICKS = os.sysconf("SC_CLK_TCK")
ROUND_DONE = "round done"
# Somewhat more than a second a round of busybox: digests, compression, sorting, a shell's own work, processes.
WORK = f"""mount -t tmpfs work /mnt
head -c 12M /dev/zero | tr '\\0' 'a' > /mnt/data
seq 1 120000 > /mnt/numbers
while :; do
sha256sum /mnt/data; md5sum /mnt/data; gzip -c /mnt/numbers | gunzip | sort -rn | tail -1
i=0; while [ $i -lt 15000 ]; do i=$((i+1)); done
for i in $(seq 75); do /bin/true; done
echo {ROUND_DONE}
done
"""
IDLE = "while :; do sleep 1000; done\n"
# CPU time by which the thread of a guest's CPU stands out among those of its process.
STANDS_OUT = 0.2


def cpu_time(of):
    """User and system seconds of a process (its ended threads, too) or of a thread, `PID/task/TID`."""
    fields = pathlib.Path(f"/proc/{of}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_times(processes):
    return [cpu_time(each) for each in processes]


def difference(now, before):
    return [one - other for one, other in zip(now, before)]


def machine_text(guest, idle, neighbours):
    kernel = f'memory = "{guest.memory}"\nkernel = "{guest.kernel}"\ncmdline = "{linux.COMMAND_LINE}"\n'
    text = f'[machine]\nname = "PAIRED"\n[partition.WORK]\n{kernel}initrd = "{guest.initrd}"\ndedicated = true\nautostart = false\n'
    return text + "".join(f'[partition.IDLE{number}]\n{kernel}initrd = "{idle}"\n' for number in range(1, neighbours + 1))


class Side:
    """A guest that computes; `readings` are the CPU seconds of its process, and of the firmware if it has one, when it has done a round."""

    def __init__(self, console, processes, before, rounds):
        self.console, self.processes, self.readings = console, processes, [before]
        self._reader = threading.Thread(target=self._read, args=(rounds,))
        self._reader.start()

    def _read(self, rounds):
        for _ in range(rounds):
            self.console.expect(ROUND_DONE)
            self.readings.append(cpu_times(self.processes))

    def wait(self, rounds):
        self._reader.join()
        if len(self.readings) != rounds + 1:
            raise AssertionError(f"{len(self.readings) - 1} rounds done, expected {rounds}; the console ends with:\n{self.console.text[-2000:]}")

    def first(self):
        return difference(self.readings[1], self.readings[0])

    def later(self):
        return difference(self.readings[-1], self.readings[1])


class Partition:
    """The guest in the machine's partition."""

    def __init__(self, machine, rounds):
        self._machine = machine
        machine.must("lpar", "activate", "WORK")
        processes = machine.partitions()["WORK"]["pid"], machine.firmware()
        self._console = Console("console", "WORK", "--follow", env=machine.environment)
        self._console.skip(1)
        before = cpu_times(processes)
        machine.must("lpar", "load", "WORK")
        self.side = Side(self._console, processes, before, rounds)

    def end(self):
        self._console.__exit__()
        self._machine.must("lpar", "deactivate", "WORK")


class Run:
    """The guest under `zvisor run`, whose CPU computes on the host CPU `cpu`; its other threads run where they like, as the partition's do."""

    def __init__(self, guest, cpu, rounds):
        self._console = Console("run", "--kernel", guest.kernel, "--initrd", guest.initrd, "--cmdline", linux.COMMAND_LINE, "--memory", guest.memory)
        pid = self._console.process.pid
        os.sched_setaffinity(self._cpu_thread(pid), {cpu})
        self.side = Side(self._console, (pid,), [0], rounds)

    @staticmethod
    def _cpu_thread(pid):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            used = {thread: cpu_time(f"{pid}/task/{thread}") for thread in os.listdir(f"/proc/{pid}/task")}
            busiest = max(used, key=used.get)
            if used[busiest] >= STANDS_OUT:
                return int(busiest)
            time.sleep(0.01)
        raise AssertionError(f"no thread of {pid} computed {STANDS_OUT} s within a minute")

    def end(self):
        self._console.__exit__()


def dedicated_cpu(machine):
    """The host CPU that the partition's logical CPU is kept on: one thread is, while it operates."""
    machine.must("lpar", "activate", "WORK")
    machine.must("lpar", "load", "WORK")
    tasks = f"/proc/{machine.partitions()['WORK']['pid']}/task"
    found = set()

    def is_found():
        for thread in os.listdir(tasks):
            allowed = os.sched_getaffinity(int(thread))
            found.update(allowed if len(allowed) == 1 else ())
        return found

    machine.soon("a thread of the partition is kept on one of the host's CPUs, of which it needs two", is_found)
    machine.must("lpar", "deactivate", "WORK")
    return found.pop()


def run_pair(begin_one, begin_other, rounds):
    """(boot and first round, later rounds) of both in CPU seconds of their processes, whose guests compute at once until both have done their rounds."""
    sides = []
    try:
        for begin in (begin_one, begin_other):
            sides.append(begin())
        for each in sides:
            each.side.wait(rounds)
        return [(each.side.first(), each.side.later()) for each in sides]
    finally:
        for each in sides:
            each.end()


def text_of(times):
    return f"{times[0]:.2f} s" + "".join(f" ({more:.2f} s of the firmware besides)" for more in times[1:])


def print_ratio(what, pairs):
    for besides, total in (("", lambda times: times[0]), (", the firmware included", sum)):
        ratios = [total(one) / total(other) for one, other in pairs]
        error = statistics.stdev(ratios) / len(ratios) ** 0.5
        print(f"{what}{besides}: {statistics.mean(ratios):.4f} +- {error:.4f} times `zvisor run` (mean and its error), "
              f"median {statistics.median(ratios):.4f}, {min(ratios):.4f} to {max(ratios):.4f}")


def measure(machine, guest, arguments):
    cpu = dedicated_cpu(machine)
    rounds = arguments.rounds

    def begin_run():
        return Run(guest, cpu, rounds)

    def begin_partition():
        return Partition(machine, rounds)

    begin_one = begin_run if arguments.itself else begin_partition
    for number in range(arguments.pairs):
        # Who begins second boots beside one that boots already.
        pair = run_pair(begin_one, begin_run, rounds) if number % 2 == 0 else run_pair(begin_run, begin_one, rounds)[::-1]
        one, other = pair
        print(f"{'zvisor run' if arguments.itself else 'partition'}: first {text_of(one[0])}, then {text_of(one[1])}; "
              f"zvisor run: first {text_of(other[0])}, then {text_of(other[1])}", flush=True)
        yield pair


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--neighbours", type=int, default=0)
    parser.add_argument("--itself", action="store_true")
    parser.add_argument("--kernel")
    parser.add_argument("--initrd")
    parser.add_argument("--memory", default="512M")
    arguments = parser.parse_args()
    if arguments.pairs < 2 or arguments.rounds < 2:
        parser.error("--pairs, --rounds: expected at least 2")
    with tempfile.TemporaryDirectory() as folder:
        guest = argparse.Namespace(kernel=arguments.kernel or linux.kernel(), memory=arguments.memory,
                                   initrd=arguments.initrd or linux.initrd(f"{folder}/initrd", WORK))
        machine = RunningMachine(folder, machine_text(guest, linux.initrd(f"{folder}/idle", IDLE), arguments.neighbours))
        machine.start()
        try:
            pairs = list(measure(machine, guest, arguments))
        finally:
            machine.stop()
    print_ratio("boot and first round", [(one[0], other[0]) for one, other in pairs])
    print_ratio("later rounds", [(one[1], other[1]) for one, other in pairs])
    return 0


if __name__ == "__main__":
    sys.exit(main())
