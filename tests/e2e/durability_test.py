#!/usr/bin/env python3
"""A few rounds of durability.py: what a guest was told is on its disk survives the death of zvisor."""
import tempfile
import unittest

from durability import AloneRounds, LinuxRounds


class KilledWhileWriting(unittest.TestCase):
    def none_lost(self, kind, count):
        with tempfile.TemporaryDirectory() as folder:
            rounds = kind(folder, seed=1)
            self.assertGreater(sum(rounds.round() for _ in range(count)), count)

    def test_under_linux_on_a_raw_disk_and_ext4(self):
        self.none_lost(LinuxRounds, 2)

    def test_by_a_program_that_drives_the_disk_itself(self):
        self.none_lost(AloneRounds, 5)


if __name__ == "__main__":
    unittest.main()
