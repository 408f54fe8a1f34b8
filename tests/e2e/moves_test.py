#!/usr/bin/env python3
"""Storage and CPUs that move between running partitions, as their agents are asked; dumps of partitions."""
import json
import os
import pathlib
import re
import struct
import unittest

from support import linux
from support.machines import FAILURE, SUCCESS, Machines
from support.zvisor import Console

MACHINE = """
[machine]
name = "{name}"
[board.SB1]
cpus = 1
memory = "1G"
[board.SB2]
cpus = 1
memory = "1G"
[partition.FROM]
memory = "512M"
max-memory = "1G"
cpus = 2
{kernel}
initrd = "{folder}/from"
[partition.TO]
memory = "512M"
max-memory = "1G"
max-cpus = 2
{kernel}
initrd = "{folder}/to"
[partition.ALONE]
memory = "256M"
agent = false
{kernel}
initrd = "{folder}/alone"
"""

# Storage that was there at the start holds what the kernel cannot move; what came later is free of that. FROM and TO fill the first board,
# so what FROM takes later lies on the second.
GIVES = "echo online_movable > memory/memory2/state; echo books: $(cat cpu/cpu[01]/topology/book_id); echo the agent listens\nserve\n"
TAKES = "echo the agent listens\nserve\n"
ALONE = "echo here I am; while :; do sleep 1; done\n"


class Moves(Machines):
    def setUp(self):
        super().setUp()
        self.environment["ZVISOR_MACHINE"] = f"E2E{os.getpid() % 100000}"
        agent = (pathlib.Path(__file__).parent / "support/guest_agent.sh").read_text()
        linux.initrd(self.folder / "from", agent + GIVES, modules=["virtio_console"])
        linux.initrd(self.folder / "to", agent + TAKES, modules=["virtio_console"])
        linux.initrd(self.folder / "alone", ALONE)
        kernel = f'kernel = "{linux.kernel()}"\ncmdline = "{linux.COMMAND_LINE}"'
        self.start_file(
            self.file("machine.toml", MACHINE.format(name=self.environment["ZVISOR_MACHINE"], kernel=kernel, folder=self.folder)))
        for name, line in (("FROM", "the agent listens"), ("TO", "the agent listens"), ("ALONE", "here I am")):
            with Console("console", name, env=self.environment) as console:
                console.expect(line)

    def answer(self, *arguments):
        done = self.zvisor(*arguments)
        return done.status, done.output, done.error

    def test_storage_and_cpus_move_and_come_back(self):
        there = "FROM: 512M, 2 CPUs\nTO: 768M, 1 CPU\n"
        progress = "FROM released 256M of 256M\nTO took 256M of 256M\n"
        self.assertEqual(self.answer("move", "memory", "256M", "FROM", "TO"), (SUCCESS, there, progress))
        self.assertEqual(self.answer("move", "cpu", "1", "FROM", "TO"),
                         (SUCCESS, "FROM: 512M, 1 CPU\nTO: 768M, 2 CPUs\n", "FROM gave up its CPU 1\nTO took its CPU 1\n"))
        back = "TO released 256M of 256M\nFROM took 256M of 256M\n"
        self.assertEqual(self.answer("move", "memory", "256M", "TO", "FROM"), (SUCCESS, "TO: 512M, 2 CPUs\nFROM: 768M, 1 CPU\n", back))
        self.assertEqual(self.answer("move", "cpu", "1", "TO", "FROM"),
                         (SUCCESS, "TO: 512M, 1 CPU\nFROM: 768M, 2 CPUs\n", "TO gave up its CPU 1\nFROM took its CPU 1\n"))

    def test_what_lies_on_a_board_moves(self):
        with Console("console", "FROM", env=self.environment) as console:
            console.expect("books: 0 1")
        self.assertEqual(self.answer("move", "board", "SB2", "FROM", "TO")[:2], (SUCCESS, "FROM: 512M, 1 CPU\nTO: 768M, 2 CPUs\n"))
        self.assertRegex(self.answer("lpar", "list")[1], r"(?m)^TO +\d+ +operating +2 ")
        first, second = (json.loads(self.answer("lpar", "show", name, "--json")[1])[0]["boards"] for name in ("FROM", "TO"))
        self.assertEqual([each["storage"] >> 20 for each in first + second], [512, 0, 512, 256])
        self.assertEqual(self.answer("move", "board", "SB2", "FROM", "TO")[2], "zvisor: partition FROM has nothing on board SB2\n")

    def test_what_cannot_move_is_refused_with_its_reason(self):
        for arguments, sentence in (
                (("memory", "64M", "FROM", "TO"),
                 "64M cannot be moved: the program in partition FROM takes storage online and offline in blocks of 256M"),
                (("memory", "512M", "FROM", "TO"), r"partition FROM released 256M of 512M \(its block 1 does not go offline: "
                                                   r"Device or resource busy\); 256M is back at FROM"),
                (("memory", "512M", "TO", "FROM"), "partition TO has 512M, of which 512M cannot be moved"),
                (("memory", "64M", "ALONE", "TO", "--timeout", "1"), "the program in partition TO takes storage online and offline in blocks of 256M"),
                (("cpu", "2", "FROM", "TO"), "partition FROM has 2 CPUs, of which 2 cannot be moved"),
                (("cpu", "1", "FROM", "ALONE"), "partition ALONE has 1 of at most 1 CPUs: 1 more do not fit")):
            status, output, error = self.answer("move", *arguments)
            self.assertEqual((status, output), (FAILURE, ""), arguments)
            self.assertRegex(error.splitlines()[-1], sentence)
        self.assertRegex(self.answer("lpar", "list")[1], r"FROM .* 768M ")

    def test_an_agent_that_listens_shuts_its_program_down(self):
        self.assertEqual(self.answer("lpar", "shutdown", "TO")[0], SUCCESS)
        with Console("console", "TO", env=self.environment) as console:
            self.assertEqual(console.end(), SUCCESS)
        self.assertRegex(self.answer("lpar", "list")[1], "TO .* not-operating .*the program powered off")

    def test_a_running_partition_is_dumped_and_goes_on(self):
        core = self.folder / "core"
        status, output, _ = self.answer("lpar", "dump", "TO", str(core))
        self.assertEqual(status, SUCCESS)
        self.assertRegex(output, rf"^TO: 512M of storage, [0-9.]+M of it not zero, registers of 1 CPU, in {re.escape(str(core))}$")
        data = core.read_bytes()
        self.assertEqual((data[:6], struct.unpack(">HH", data[16:20])), (b"\x7fELF\2\2", (4, 22)))
        self.assertIn(b"Linux version ", data)
        self.assertLess(core.stat().st_blocks * 512, len(data))
        self.assertEqual(self.answer("move", "memory", "256M", "FROM", "TO")[0], SUCCESS)
        self.assertRegex(self.answer("lpar", "dump", "TO", str(core))[2], "File exists")


if __name__ == "__main__":
    unittest.main()
