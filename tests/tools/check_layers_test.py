#!/usr/bin/env python3
"""tools/check-layers says what breaks the include rule, and nothing else."""
import pathlib
import subprocess
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/check-layers"
LAYERS = "# a comment\nbase:\nchannel: base\ncpu: base\ndevices: base channel\n"


class CheckLayers(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {"cmake/layers.txt": LAYERS, "src/base/a.h": "", **files}.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([TOOL, root], stderr=subprocess.PIPE, text=True)
            return done.returncode, done.stderr.splitlines()

    def test_accepts_own_folder_and_those_of_its_line(self):
        text = '#include "cpu/b.h"\n#include "base/a.h"\n#include <vector>\n#include "generated.inc"\n'
        self.assertEqual(self.check({"src/cpu/a.cpp": text}), (0, []))

    def test_rejects_a_folder_not_on_the_line(self):
        status, said = self.check({"src/cpu/a.cpp": '\n  # include "channel/x.h"\n'})
        self.assertEqual(status, 1)
        self.assertEqual(said, ['src/cpu/a.cpp:2: cpu/ may not include channel/ ("channel/x.h"); it may include base.'])

    def test_rejects_one_device_in_another(self):
        status, said = self.check({"src/devices/card/card.cpp": '#include "devices/tape/tape.h"\n#include "devices/card/card.h"\n'})
        self.assertEqual((status, len(said)), (1, 1))
        self.assertIn("may not include another device", said[0])

    def test_rejects_unknown_folders(self):
        status, said = self.check({"src/moon/a.h": "", "src/base/b.h": '#include "src/base/a.h"\n'})
        self.assertEqual((status, len(said)), (1, 2))

    def test_rejects_long_files(self):
        status, said = self.check({"src/base/long.h": "\n" * 601})
        self.assertEqual((status, len(said)), (1, 1))


if __name__ == "__main__":
    unittest.main()
