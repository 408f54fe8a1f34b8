#!/usr/bin/env python3
"""bash completes zvisor's commands, options and their values from what the program itself prints."""
import pathlib
import subprocess
import tempfile
import unittest

from support.zvisor import ZVISOR, zvisor

ASK = """
source "$1"
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_zvisor
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.script = zvisor("completion", "bash")
        (cls.folder / "script").write_text(cls.script.output)
        (cls.folder / "vmlinuz").touch()

    def offered(self, *words):
        """What is offered for the last of the words."""
        done = subprocess.run(["bash", "-c", ASK, "bash", "./script", "zvisor", *words], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual((done.stderr, done.returncode), ("", 0))
        return done.stdout.split()

    def test_it_is_a_script(self):
        self.assertEqual((self.script.status, self.script.error), (0, ""))

    def test_commands(self):
        self.assertTrue({"run", "image", "completion"} <= set(self.offered("")))
        self.assertEqual(self.offered("ru"), ["run"])

    def test_commands_of_a_command(self):
        self.assertIn("bash", self.offered("completion", ""))
        self.assertIn("debian", self.offered("image", ""))

    def test_options(self):
        self.assertEqual(self.offered("run", "--kern"), ["--kernel"])
        self.assertEqual(self.offered("run", "--kernel", "vmlinuz", "--init"), ["--initrd"])
        self.assertIn("--size", self.offered("image", "debian", "--"))

    def test_every_option_of_the_help_is_offered(self):
        help_text = subprocess.run([ZVISOR, "run", "--help"], capture_output=True, text=True, check=True).stdout
        options = {word.strip(",") for line in help_text.splitlines() for word in line.split()[:2] if word.startswith("--")}
        self.assertTrue(options)
        self.assertLessEqual({option.split(",")[0] for option in options}, set(self.offered("run", "--")))

    def test_values(self):
        self.assertEqual(self.offered("run", "--personality", ""), ["kvm", "lpar", "zvm"])
        self.assertEqual(self.offered("run", "--cpu", "z1"), ["z10", "z196", "z13", "z14", "z15", "z16", "z17"])
        self.assertEqual(self.offered("run", "--kernel", "vm"), ["vmlinuz"])
        self.assertEqual(self.offered("run", "vm"), ["vmlinuz"])
        self.assertEqual(self.offered("run", "--cmdline", ""), [])


if __name__ == "__main__":
    unittest.main()
