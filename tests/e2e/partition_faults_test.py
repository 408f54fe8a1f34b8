#!/usr/bin/env python3
"""A few rounds of partition_faults.py: what is killed takes nothing else with it."""
import random
import tempfile
import unittest

from partition_faults import Machine, exhaust_memory, kill_firmware, kill_partition, run, silence_partition
from support.memory_group import MemoryGroup


class KilledAtRandom(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.machine = Machine(folder.name, partitions=3)
        self.machine.memory_group = MemoryGroup.make()
        if self.machine.memory_group:
            self.addCleanup(self.machine.memory_group.remove)
        self.machine.start()
        self.addCleanup(self.machine.stop)

    def test_a_partition(self):
        kill_partition(self.machine, "LP2")

    def test_the_firmware(self):
        kill_firmware(self.machine)

    def test_a_partition_that_is_silent(self):
        silence_partition(self.machine, "LP3", deactivate=True)
        silence_partition(self.machine, "LP1", deactivate=False)

    def test_a_host_without_memory(self):
        if not self.machine.memory_group:
            self.skipTest("this host lets us make no control group with a limit of memory")
        exhaust_memory(self.machine)

    def test_one_after_the_other(self):
        self.assertEqual(sum(run(self.machine, 6, random.Random(2)).values()), 6)


if __name__ == "__main__":
    unittest.main()
