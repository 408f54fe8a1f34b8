#!/usr/bin/env python3
"""A few rounds of partition_faults.py: what is killed takes nothing else with it."""
import random
import tempfile
import unittest

from partition_faults import Machine, kill_firmware, kill_partition, run


class KilledAtRandom(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.machine = Machine(folder.name, partitions=3)
        self.machine.start()
        self.addCleanup(self.machine.stop)

    def test_a_partition(self):
        kill_partition(self.machine, "LP2")

    def test_the_firmware(self):
        kill_firmware(self.machine)

    def test_one_after_the_other(self):
        self.assertEqual(sum(run(self.machine, 6, random.Random(2)).values()), 6)


if __name__ == "__main__":
    unittest.main()
