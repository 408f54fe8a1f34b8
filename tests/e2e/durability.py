#!/usr/bin/env python3
"""Kills zvisor while a guest writes and flushes numbered records: none it was told is safe may be lost.

  durability.py [--guest linux|alone] [--rounds 200] [--seed N] [--folder DIR]

A round starts a guest, ends zvisor with SIGKILL at a random instant, and reads every acknowledged record from the image.
  linux   Debian's kernel; each record goes to a raw disk and to a file of an ext4 disk, with fsync, on the same disks every round
  alone   a program of its own that drives the disk itself: a round takes no boot, so it makes many in little time
`make durability ROUNDS=200 GUEST=linux`.
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
SUPPORT = linux.ROOT / "tests/e2e/support"

INIT = """
mount -t ext4 $(disk 1) /mnt || echo MOUNT FAILED
/bin/record_writer $first $(disk 0) /mnt/records
echo WRITER ENDED
"""


class Lost(Exception):
    pass


def check_records(path, numbers, what):
    with open(path, "rb") as image:
        for number in numbers:
            image.seek(number * RECORD)
            if image.read(RECORD) != number.to_bytes(8, "big") * (RECORD // 8):
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


class Rounds:
    """What both kinds of guest share: being killed, and what they said before."""

    def __init__(self, folder, seed):
        self.folder = pathlib.Path(folder)
        self.random = random.Random(seed)
        self.raw = self.folder / "raw.img"

    def empty_disk(self, path):
        path.unlink(missing_ok=True)
        with open(path, "wb") as file:
            file.truncate(DISK)

    def killed(self, arguments, base):
        """The numbers of the records the guest was told are safe."""
        with Console(*arguments) as console:
            console.expect("WRITING\r?\n")
            console.silent(self.random.uniform(0, LONGEST_ROUND))
            console.signal(signal.SIGKILL)
            console.end()
            if re.search("WRITER ENDED|MOUNT FAILED|FAIL ", console.text):
                raise Lost(f"the guest could not write:\n{console.text[-2000:]}")
            return [int(number, base) for number in re.findall(r"SAFE ([0-9a-f]+)\r?\n", console.text)]


class LinuxRounds(Rounds):
    def __init__(self, folder, seed):
        super().__init__(folder, seed)
        self.ext4 = self.folder / "ext4.img"
        self.safe = []
        self.empty_disk(self.raw)
        self.empty_disk(self.ext4)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1,lazy_journal_init=1", self.ext4], check=True)
        files = {"bin/record_writer": linux.compiled(SUPPORT / "record_writer.c")}
        self.initrd = linux.initrd(self.folder / "initrd", INIT, ["virtio_blk", "crc32c_generic", "ext4"], files)

    def next_number(self):
        """Past every number that may have been written."""
        return self.safe[-1] + 2 if self.safe else 0

    def round(self):
        disks = ["--disk", str(self.raw), "--disk", str(self.ext4)]
        told = self.killed(linux.machine(self.initrd, *disks, cmdline=f"first={self.next_number()}"), 10)
        self.safe += told
        check_records(self.raw, self.safe, "raw disk")
        check_ext4(self.ext4, self.safe, self.folder)
        return len(told)


class AloneRounds(Rounds):
    def __init__(self, folder, seed):
        super().__init__(folder, seed)
        self.writer = linux.alone(self.folder / "disk_writer.elf", SUPPORT / "disk_writer.c")

    def round(self):
        self.empty_disk(self.raw)
        told = self.killed(["run", "--kernel", self.writer, "--disk", str(self.raw), "--memory", "64M"], 16)
        if told != list(range(len(told))):
            raise Lost(f"records were acknowledged out of order: {told}")
        check_records(self.raw, told, "disk")
        return len(told)


GUESTS = {"linux": LinuxRounds, "alone": AloneRounds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guest", choices=GUESTS, default="linux")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--folder", help="where the images are made; they are kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zvisor-durability.") as temporary:
        rounds = GUESTS[arguments.guest](arguments.folder or temporary, arguments.seed)
        print(f"durability: {arguments.rounds} rounds of {arguments.guest}, seed {arguments.seed}", flush=True)
        total = 0
        for number in range(1, arguments.rounds + 1):
            try:
                told = rounds.round()
            except (Lost, AssertionError) as error:
                print(f"durability: FAILED in round {number}: {error}")
                return 1
            total += told
            print(f"durability: round {number}: {told} records acknowledged, {total} in all, none lost", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
