#!/usr/bin/env python3
"""A few rounds of durability.py: what a guest was told is on its disk survives the death of zvisor."""
import tempfile
import unittest

from durability import Durability

ROUNDS = 3


class KilledWhileWriting(unittest.TestCase):
    def test_no_acknowledged_record_is_lost(self):
        with tempfile.TemporaryDirectory() as folder:
            durability = Durability(folder, seed=1)
            self.assertGreater(sum(durability.round() for _ in range(ROUNDS)), ROUNDS)


if __name__ == "__main__":
    unittest.main()
