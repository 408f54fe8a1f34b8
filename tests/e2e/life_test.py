#!/usr/bin/env python3
"""How a machine ends, and how the person at its console is heard."""
import pathlib
import re
import signal
import tempfile
import termios
import unittest

from support import images, linux
from support.zvisor import Console, zvisor

POWERED_OFF, DISABLED_WAIT, ENDED = 0, 3, 4
ASKED = "zvisor: asked the guest to shut down; once more ends the machine"
ESCAPE = "\x1d"


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def file(self, content, name="image"):
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)


class SmallPrograms(Folder):
    def loop(self, **options):
        console = Console("run", "--kernel", self.file(images.LOOP), **options)
        self.addCleanup(console.__exit__)
        console.expect("CPU model")
        return console

    def test_stop_of_the_last_cpu_ends_well(self):
        for cpus in ("1", "2"):
            done = zvisor("run", "--kernel", self.file(images.STOP), "--cpus", cpus)
            self.assertEqual((done.status, done.said, done.output), (POWERED_OFF, [], ""))

    def test_disabled_wait_is_told_with_its_psw(self):
        done = zvisor("run", "--kernel", self.file(images.DISABLED_WAIT))
        self.assertEqual((done.status, done.said),
                         (DISABLED_WAIT, ["zvisor: CPU 0 entered a disabled wait, PSW 0002000080000000 000000000000dead"]))

    def test_disabled_wait_of_the_starting_psw(self):
        done = zvisor("run", "--kernel", self.file(bytes.fromhex("000a000080000bad")))
        self.assertEqual((done.status, done.said),
                         (DISABLED_WAIT, ["zvisor: CPU 0 entered a disabled wait, PSW 0002000080000000 0000000000000bad"]))

    def test_stats(self):
        done = zvisor("run", "--kernel", self.file(images.STOP), "--stats")
        self.assertRegex(done.said[0], r"^zvisor: 2 instructions in [0-9.]+ s, [0-9.]+ million a second$")

    def test_the_end_of_the_input_is_not_the_end_of_the_machine(self):
        console = self.loop()
        console.close_input()
        self.assertEqual((console.silent(0.5), console.process.poll()), ("", None))

    def test_a_machine_file_and_flags_over_it(self):
        stop, wait, disk = self.file(images.STOP), self.file(images.DISABLED_WAIT, "wait"), self.file(bytes(512), "disk")
        machine = self.file(f'''
kernel = "{stop}"
memory = "64M"
cpus = 2
cpu = "z13"
personality = "lpar"
name = "TEST"
loadparm = "A"
disk = ["{disk},ro"]
net = "user"
rng = false
balloon = "target=4M"
console = "virtio"
'''.encode(), "machine.toml")
        self.assertEqual(zvisor("run", machine).status, POWERED_OFF)
        self.assertEqual(zvisor("run", machine, "--kernel", wait).status, DISABLED_WAIT)
        self.assertEqual(zvisor("run", "--kernel", wait, "--disk", f"{disk},ro", machine).status, DISABLED_WAIT)

    def test_a_guest_that_cannot_be_asked_is_ended_by_the_first_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            console = self.loop()
            console.signal(number)
            self.assertEqual(console.end(), ENDED)
            self.assertNotIn(ASKED, console.text)

    def test_a_loop_with_interruptions_disabled_on_every_cpu_is_stoppable(self):
        console = self.loop()
        self.assertEqual(console.silent(1), "")
        console.signal(signal.SIGTERM)
        self.assertEqual(console.end(10), ENDED)

    def test_a_terminal_is_raw_while_the_guest_runs_and_as_before_afterwards(self):
        console = self.loop(terminal=True)
        before = termios.tcgetattr(console.terminal)
        console.type(ESCAPE + "?")
        console.expect(re.escape("zvisor: Ctrl-] then  s shut the guest down  q end the machine  Ctrl-] send Ctrl-]  ? this help"))
        raw = termios.tcgetattr(console.terminal)
        local_flags = 3
        self.assertFalse(raw[local_flags] & (termios.ICANON | termios.ECHO | termios.ISIG))
        console.type("\x03")  # Ctrl-C is the guest's
        self.assertIsNone(console.process.poll())
        console.type(ESCAPE + "q")
        self.assertEqual(console.end(), ENDED)
        after = termios.tcgetattr(console.terminal)
        self.assertTrue(after[local_flags] & termios.ICANON and after[local_flags] & termios.ECHO)
        self.assertEqual(len(before), len(after))

    def test_a_terminal_is_given_back_when_the_guest_ends_by_itself(self):
        console = Console("run", "--kernel", self.file(images.DISABLED_WAIT), terminal=True)
        self.addCleanup(console.__exit__)
        console.expect("entered a disabled wait")
        self.assertEqual(console.end(), DISABLED_WAIT)
        self.assertTrue(termios.tcgetattr(console.terminal)[3] & termios.ICANON)


class Linux(Folder):
    ASKING = """
echo 0 > /proc/sys/kernel/ctrl-alt-del
trap 'echo SHUTTING DOWN; poweroff -f' INT
echo -n 'what now? '; read answer; echo "you said: $answer"
[ "$answer" != reboot ] || reboot -f
while :; do sleep 1; done
"""
    DEAF = """
echo 0 > /proc/sys/kernel/ctrl-alt-del
trap '' INT
sleep 1
exec < /dev/hvc0 > /dev/hvc0 2>&1
echo "on $(nproc) CPUs"
echo -n 'what now? '; read answer; echo "you said: $answer"
while :; do sleep 1; done
"""

    def test_input_waits_for_a_prompt_a_reboot_comes_up_again_and_a_signal_shuts_down(self):
        with Console(*linux.machine(linux.initrd(self.folder / "initrd", self.ASKING))) as console:
            console.type("reboot\nstay\n")  # long before anybody asks
            console.expect(r"what now\? (reboot\r?\n)?you said: reboot")
            console.expect(r"what now\? (stay\r?\n)?you said: stay")
            console.signal(signal.SIGTERM)
            console.expect(re.escape(ASKED))
            console.expect("SHUTTING DOWN")
            self.assertEqual(console.end(), POWERED_OFF)

    def test_virtio_console_on_a_terminal_and_a_guest_that_does_not_shut_down(self):
        guest = linux.machine(linux.initrd(self.folder / "initrd", self.DEAF, ["virtio_console"]), "--cpus", "2", "--console", "virtio")
        with Console(*guest, terminal=True) as console:
            console.expect("on 2 CPUs")
            console.expect(r"what now\? ")
            console.type("hello\r")
            console.expect("you said: hello")
            console.type(ESCAPE + "s")
            console.expect(re.escape(ASKED))
            console.silent(2)
            self.assertIsNone(console.process.poll())
            console.signal(signal.SIGTERM)
            self.assertEqual(console.end(), ENDED)

    def test_a_truncated_kernel_says_so_and_ends_in_a_disabled_wait(self):
        kernel = self.file(pathlib.Path(linux.kernel()).read_bytes()[:3_000_000])
        done = zvisor("run", "--kernel", kernel, "--cmdline", linux.COMMAND_LINE, "--memory", "256M")
        self.assertEqual(done.status, DISABLED_WAIT)
        self.assertRegex(done.said[-1], "^zvisor: CPU 0 entered a disabled wait, PSW ")


if __name__ == "__main__":
    unittest.main()
