#!/usr/bin/env python3
"""Kills zvisor while a guest writes and fsyncs numbered records: none it was told is safe may be lost.

  durability.py [--rounds 200] [--seed N] [--folder DIR]

A round boots a guest that writes each record to a raw disk and to a file of an ext4 disk, ends zvisor with SIGKILL at a random
instant, and reads every record acknowledged in this or an earlier round from the two images. `make durability ROUNDS=200`.
"""
import argparse
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

from support import linux
from support.zvisor import Console

RECORD = 4096
DISK = 1 << 30
LONGEST_ROUND = 2.0  # seconds from the first record to the kill

INIT = """
mount -t ext4 /dev/vdb /mnt || echo MOUNT FAILED
/bin/record_writer $first /dev/vda /mnt/records
echo WRITER ENDED
"""


class Lost(Exception):
    pass


def record(number):
    return number.to_bytes(8, "big") * (RECORD // 8)


def check_records(path, numbers, what):
    with open(path, "rb") as image:
        for number in numbers:
            image.seek(number * RECORD)
            if image.read(RECORD) != record(number):
                raise Lost(f"record {number} was acknowledged and is not on the {what}")


def check_ext4(image, numbers, folder):
    """Replays the journal of a copy, as the next mount would; then nothing may be wrong with it and every record be there."""
    copy, records = folder / "copy.img", folder / "records"
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    subprocess.run(["e2fsck", "-p", "-E", "journal_only", copy], check=True, stdout=subprocess.DEVNULL)
    checked = subprocess.run(["e2fsck", "-fn", copy], capture_output=True, text=True)
    if checked.returncode != 0:
        raise Lost(f"e2fsck -fn found errors on the ext4 disk:\n{checked.stdout}{checked.stderr}")
    if numbers:
        subprocess.run(["debugfs", "-R", f"dump /records {records}", copy], check=True, capture_output=True)
        check_records(records, numbers, "ext4 disk")


class Durability:
    def __init__(self, folder, seed):
        self.folder = pathlib.Path(folder)
        self.random = random.Random(seed)
        self.safe = []
        self.raw, self.ext4 = self.folder / "raw.img", self.folder / "ext4.img"
        for image in (self.raw, self.ext4):
            with open(image, "wb") as file:
                file.truncate(DISK)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1,lazy_journal_init=1", self.ext4], check=True)
        writer = linux.compiled(linux.ROOT / "tests/e2e/support/record_writer.c")
        modules = ["virtio_blk", "crc32c_generic", "ext4"]
        self.initrd = linux.initrd(self.folder / "initrd", INIT, modules, {"bin/record_writer": writer})

    def next_number(self):
        """Past every number that may have been written."""
        return self.safe[-1] + 2 if self.safe else 0

    def round(self):
        """One guest, killed; how many records it was told are safe."""
        disks = ["--disk", str(self.raw), "--disk", str(self.ext4)]
        with Console(*linux.machine(self.initrd, *disks, cmdline=f"first={self.next_number()}")) as console:
            console.expect("WRITING\r?\n")
            console.silent(self.random.uniform(0, LONGEST_ROUND))
            console.signal(signal.SIGKILL)
            console.end()
            if "WRITER ENDED" in console.text or "MOUNT FAILED" in console.text:
                raise Lost(f"the guest could not write:\n{console.text[-2000:]}")
            told = [int(number) for number in re.findall(r"SAFE (\d+)\r?\n", console.text)]
        self.safe += told
        check_records(self.raw, self.safe, "raw disk")
        check_ext4(self.ext4, self.safe, self.folder)
        return len(told)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--folder", help="where the images are made; they are kept")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    with tempfile.TemporaryDirectory(prefix="zvisor-durability.") as temporary:
        durability = Durability(arguments.folder or temporary, seed)
        print(f"durability: {arguments.rounds} rounds, seed {seed}", flush=True)
        for number in range(1, arguments.rounds + 1):
            try:
                told = durability.round()
            except (Lost, AssertionError) as error:
                print(f"durability: FAILED in round {number}: {error}")
                return 1
            print(f"durability: round {number}: {told} records acknowledged, {len(durability.safe)} in all, none lost", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
