#!/usr/bin/env python3
"""What a dedicated partition loses against `zvisor run`: dedicated.py [--rounds 8] [--neighbours 0].

The same Linux guest computes in a partition with a dedicated CPU and under `zvisor run`, at once and on the same CPU of the host, so that both
have the same of what else the host does. Compared is the CPU time of their processes until the guest powers off, which the host counts; the firmware's
is added to the partition's part. System time is mostly the host's for memory that is new to it. Who ends last has the CPU for itself at the end. --neighbours begins so many idle Linux partitions besides."""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from support import linux
from support.machines import RunningMachine
from support.zvisor import PATIENCE, ZVISOR

TICKS = os.sysconf("SC_CLK_TCK")
# Some seconds of busybox: digests, compression, sorting, a shell's own work, processes.
WORK = """mount -t tmpfs work /mnt
head -c 12M /dev/zero | tr '\\0' 'a' > /mnt/data
seq 1 120000 > /mnt/numbers
for i in 1 2 3 4; do sha256sum /mnt/data; md5sum /mnt/data; gzip -c /mnt/numbers | gunzip | sort -rn | tail -1; done
i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done
for i in $(seq 300); do /bin/true; done
poweroff -f
"""
IDLE = "while :; do sleep 1000; done\n"


def cpu_times(pid):
    """User and system seconds of a process and its threads so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def machine_text(initrd, idle, neighbours):
    guest = f'memory = "512M"\nkernel = "{linux.kernel()}"\ncmdline = "{linux.COMMAND_LINE}"\n'
    text = f'[machine]\nname = "PAIRED"\n[partition.WORK]\n{guest}initrd = "{initrd}"\ndedicated = true\nautostart = false\n'
    return text + "".join(f'[partition.IDLE{number}]\n{guest}initrd = "{idle}"\n' for number in range(1, neighbours + 1))


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


def run_pair(machine, command, cpu, partition_first):
    """User, system and firmware seconds of the partition, and user and system seconds of `zvisor run`."""
    machine.must("lpar", "activate", "WORK")
    pid, firmware = machine.partitions()["WORK"]["pid"], machine.firmware()
    before = sum(cpu_times(firmware))
    if partition_first:
        machine.must("lpar", "load", "WORK")
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    try:
        if not partition_first:
            machine.must("lpar", "load", "WORK")
        machine.soon("the guest powers off", lambda: time.sleep(0.5) or machine.partitions()["WORK"]["state"] != "operating", PATIENCE)
        partition = (*cpu_times(pid), sum(cpu_times(firmware)) - before)
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if run.returncode is None:
            run.kill()
    if run.returncode != 0:
        sys.exit(f"dedicated.py: {' '.join(command)}: status {run.returncode}")
    machine.must("lpar", "deactivate", "WORK")
    return partition, (used.ru_utime, used.ru_stime)


def print_ratio(what, pairs):
    ratios = [partition / run for partition, run in pairs]
    error = statistics.stdev(ratios) / len(ratios) ** 0.5
    print(f"{what}: partition/run {statistics.mean(ratios):.4f} +- {error:.4f} (mean and its error), median {statistics.median(ratios):.4f}, "
          f"{min(ratios):.4f} to {max(ratios):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--neighbours", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.rounds < 2:
        parser.error("--rounds: expected at least 2")
    with tempfile.TemporaryDirectory() as folder:
        initrd = linux.initrd(f"{folder}/initrd", WORK)
        idle = linux.initrd(f"{folder}/idle", IDLE)
        command = [ZVISOR, "run", "--kernel", linux.kernel(), "--initrd", str(initrd), "--cmdline", linux.COMMAND_LINE, "--memory", "512M"]
        machine = RunningMachine(folder, machine_text(initrd, idle, arguments.neighbours))
        machine.start()
        try:
            cpu = dedicated_cpu(machine)
            rounds = []
            for number in range(arguments.rounds):
                partition, run = run_pair(machine, command, cpu, number % 2 == 0)
                print(f"partition: user {partition[0]:.2f} s, system {partition[1]:.2f} s, firmware {partition[2]:.2f} s; "
                      f"run: user {run[0]:.2f} s, system {run[1]:.2f} s", flush=True)
                rounds.append((partition, run))
        finally:
            machine.stop()
    print_ratio("user", [(partition[0], run[0]) for partition, run in rounds])
    print_ratio("all", [(sum(partition), sum(run)) for partition, run in rounds])
    return 0


if __name__ == "__main__":
    sys.exit(main())
