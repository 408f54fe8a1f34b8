#!/usr/bin/env python3
"""Debian's kernel boots to a root shell, obeys it and powers off."""
import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = "uname -m\necho $((6 * 7)) answers\nip -brief address show eth0\npoweroff\n"


class Boot(unittest.TestCase):
    def test_boots_to_a_shell_and_powers_off(self):
        done = subprocess.run(
            [ROOT / "tools/run-debian"],
            input=COMMANDS, capture_output=True, text=True, errors="replace", timeout=800, env={**os.environ, "ROOT": "memory"},
        )
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        self.assertRegex(said, r"(?m)s390x\s*$")
        self.assertRegex(said, r"(?m)^.*42 answers\s*$")
        self.assertIn("10.0.2.15", said)
        self.assertNotIn("Kernel panic", said)


if __name__ == "__main__":
    unittest.main()
