#!/usr/bin/env python3
"""Boots Debian's kernel again and again: boots.py [--count 10] [--cpus 2]. The first boot that differs ends it with status 1."""
import argparse
import sys
import tempfile
import time

from support import linux
from support.zvisor import zvisor

SCRIPT = "echo UP $(nproc)\npoweroff -f\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--cpus", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        guest = linux.machine(linux.initrd(f"{folder}/initrd", SCRIPT), "--cpus", str(arguments.cpus))
        for number in range(1, arguments.count + 1):
            start = time.monotonic()
            done = zvisor(*guest)
            if done.status != 0 or done.said or f"UP {arguments.cpus}\n" not in done.output.replace("\r", ""):
                print(f"boots: FAILED in boot {number}: status {done.status}\n{done.output[-2000:]}{done.error[-2000:]}")
                return 1
            print(f"boots: {number} of {arguments.count} in {time.monotonic() - start:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
