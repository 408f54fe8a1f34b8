#!/usr/bin/env python3
"""Whatever a user gets wrong is answered by one sentence and a status, before anything runs.   --table prints README.md's table."""
import contextlib
import ctypes
import os
import pathlib
import socket
import sys
import tempfile
import unittest

from support import images, linux
from support.zvisor import Console, zvisor

FAILED, USAGE = 1, 2
SIZES = "must be a size such as 512M or 2G, not"
FORWARD = "expected tcp:[ADDRESS]:PORT-[ADDRESS]:PORT"
KEYS = "kernel, initrd, cmdline, memory, max-memory, cpus, max-cpus, cpu, engine, code-cache, personality, name, loadparm, disk, net, rng, balloon, console"
MODELS = "z10, z196, zEC12, z13, z14, z15, z16, z17, max"
LONG = "x" * 5000

# Case, arguments after `zvisor run`, status, the sentence. Files are made by `make_files`.
LOOP = ["--kernel", "loop"]
CASES = [
    ("nothing to run", [], FAILED, "nothing to IPL: name a kernel with --kernel or 'kernel =' in the machine file"),
    ("kernel missing", ["--kernel", "missing"], FAILED, "cannot open kernel 'missing': No such file or directory"),
    ("kernel empty", ["--kernel", "empty"], FAILED, "kernel 'empty' is empty"),
    ("kernel is a directory", ["--kernel", "folder"], FAILED, "kernel 'folder' is a directory, expected a file"),
    ("kernel of another machine", ["--kernel", "x86.elf"], FAILED,
     "kernel 'x86.elf': an ELF file for another machine, expected 64-bit s390x"),
    ("kernel is random bytes", ["--kernel", "random"], FAILED,
     "kernel 'random' is neither a Linux image for s390x, an s390x ELF file, an .ins file nor a raw image that begins with a valid PSW"),
    ("kernel of a few bytes", ["--kernel", "short"], FAILED,
     "kernel 'short' has 3 bytes, too short for the PSW a raw image begins with"),
    ("kernel cut off in its ELF header", ["--kernel", "cut.elf"], FAILED, "kernel 'cut.elf': the ELF header is truncated"),
    ("kernel cut off in its parameter area", ["--kernel", "cut.linux"], FAILED,
     "kernel 'cut.linux' is a Linux image truncated after 66048 bytes"),
    ("kernel larger than storage", ["--kernel", "vmlinuz", "--memory", "4M"], FAILED, "'vmlinuz' ends at 5M, but storage has 4M"),
    (".ins file not understood", ["--kernel", "bad.ins"], FAILED, "bad.ins:2: expected 'FILE 0xADDRESS', found 'loop elsewhere'"),
    (".ins file names a missing image", ["--kernel", "gone.ins"], FAILED, "cannot open image 'gone': No such file or directory"),
    ("initrd missing", ["--kernel", "vmlinuz", "--initrd", "missing"], FAILED, "cannot open initrd 'missing': No such file or directory"),
    ("initrd empty", ["--kernel", "vmlinuz", "--initrd", "empty"], FAILED, "initrd 'empty' is empty"),
    ("initrd is a directory", ["--kernel", "vmlinuz", "--initrd", "folder"], FAILED, "initrd 'folder' is a directory, expected a file"),
    ("initrd larger than storage", ["--kernel", "vmlinuz", "--initrd", "disk", "--memory", "9M"], FAILED,
     "'disk' ends at 12M, but storage has 9M"),
    ("initrd without Linux", [*LOOP, "--initrd", "random"], FAILED, "an initrd needs a Linux kernel image, which 'loop' is not"),
    ("command line too long", ["--kernel", "vmlinuz", "--cmdline", LONG], FAILED,
     "the command line has 5000 characters, the kernel takes at most 4095"),
    ("command line without Linux", [*LOOP, "--cmdline", "quiet"], FAILED, "a command line needs a Linux kernel image, which 'loop' is not"),
    ("disk missing", [*LOOP, "--disk", "missing"], FAILED, "disk missing: cannot be opened: No such file or directory"),
    ("disk empty", [*LOOP, "--disk", "empty"], FAILED, "disk empty: is empty; a disk has at least one sector of 512 bytes"),
    ("disk is a directory", [*LOOP, "--disk", "folder"], FAILED, "disk folder: cannot be opened: Is a directory"),
    ("disk is another kind of file", [*LOOP, "--disk", "/dev/null"], FAILED, "disk /dev/null: is neither a file nor a block device"),
    ("disk of odd length", [*LOOP, "--disk", "odd"], FAILED,
     "disk odd: has 1000 bytes, which is no multiple of the sector size 512"),
    ("disk option unknown", [*LOOP, "--disk", "disk,rw"], FAILED,
     'disk disk: unknown option "rw"; expected ro, or serial= with at most 20 characters'),
    ("disk without a name", [*LOOP, "--disk", ",ro"], FAILED, 'disk ",ro": expected FILE[,ro][,serial=TEXT]'),
    ("disk named twice", [*LOOP, "--disk", "disk", "--disk", "disk"], FAILED,
     "disk disk: is in use by another run; a disk that is written to belongs to one run at a time"),
    ("memory for code 1M", [*LOOP, "--code-cache", "1M"], FAILED, "code-cache must be 2M to 1G in steps of 1M, not 1048576 bytes"),
    ("memory for code abc", [*LOOP, "--code-cache", "abc"], FAILED, f"--code-cache {SIZES} 'abc'"),
    ("memory 0", [*LOOP, "--memory", "0"], FAILED, "memory must be 2M to 1T in steps of 1M, not 0 bytes"),
    ("memory 1K", [*LOOP, "--memory", "1K"], FAILED, "memory must be 2M to 1T in steps of 1M, not 1024 bytes"),
    ("memory 1.5G", [*LOOP, "--memory", "1.5G"], FAILED, f"--memory {SIZES} '1.5G'"),
    ("memory 1000T", [*LOOP, "--memory", "1000T"], FAILED, "memory must be 2M to 1T in steps of 1M, not 1099511627776000 bytes"),
    ("memory beyond 64 bits", [*LOOP, "--memory", "99999999999999999999"], FAILED, f"--memory {SIZES} '99999999999999999999'"),
    ("memory abc", [*LOOP, "--memory", "abc"], FAILED, f"--memory {SIZES} 'abc'"),
    ("memory -1", [*LOOP, "--memory=-1"], FAILED, f"--memory {SIZES} '-1'"),
    ("maximum below the memory", [*LOOP, "--memory", "1G", "--max-memory", "512M"], FAILED,
     "max-memory must be 1024M (the memory) to 1T in steps of 1M, not 536870912 bytes"),
    ("maximum abc", [*LOOP, "--max-memory", "abc"], FAILED, f"--max-memory {SIZES} 'abc'"),
    ("sizes no increment divides", [*LOOP, "--memory", "1025M", "--max-memory", "2049M"], FAILED,
     "with 1024M of standby storage, both sizes must be multiples of 4M, and 1025M and 1024M are not"),
    ("cpus 0", [*LOOP, "--cpus", "0"], FAILED, "cpus must be 1 to 62, not '0'"),
    ("cpus 9999", [*LOOP, "--cpus", "9999"], FAILED, "cpus must be 1 to 62, not '9999'"),
    ("cpus abc", [*LOOP, "--cpus", "abc"], FAILED, "cpus must be 1 to 62, not 'abc'"),
    ("CPU model unknown", [*LOOP, "--cpu", "z99"], FAILED, f"there is no CPU model 'z99'; the models are {MODELS}"),
    ("engine unknown", [*LOOP, "--engine", "warp"], FAILED, "engine must be 'interpreter', 'translator' or 'lockstep', not 'warp'"),
    ("lockstep with two CPUs", [*LOOP, "--engine", "lockstep", "--cpus", "2"], FAILED,
     "the engine 'lockstep' takes one CPU, not 2: others would change storage while results are compared"),
    ("personality unknown", [*LOOP, "--personality", "xen"], FAILED, "personality must be kvm, lpar or zvm, not 'xen'"),
    ("console unknown", [*LOOP, "--console", "3270"], FAILED, "console must be sclp or virtio[,COLUMNSxROWS], not '3270'"),
    ("console size not understood", [*LOOP, "--console", "virtio,wide"], FAILED, 'console "wide": expected COLUMNSxROWS, such as 80x24'),
    ("balloon not understood", [*LOOP, "--balloon", "big"], FAILED, 'balloon "big": expected target=SIZE, a multiple of 4K such as 256M'),
    ("name too long", [*LOOP, "--name", "PRODUCTION"], FAILED,
     "name must be 1 to 8 letters, digits, -, _, @, # or $, not 'PRODUCTION'"),
    ("load parameter too long", [*LOOP, "--loadparm", "123456789"], FAILED,
     "loadparm must be up to 8 letters, digits, blanks or periods, not '123456789'"),
    ("network unknown", [*LOOP, "--net", "tap"], FAILED, f'net "tap": expected user[,mac=XX:XX:XX:XX:XX:XX][,host-loopback][,hostfwd={FORWARD[9:]}]'),
    ("network option unknown", [*LOOP, "--net", "user,dns=1.1.1.1"], FAILED, 'net: unknown option "dns=1.1.1.1"; expected mac=, host-loopback or hostfwd='),
    ("hostfwd not understood", [*LOOP, "--net", "user,hostfwd=ssh"], FAILED, f'net: hostfwd "ssh" is not understood; {FORWARD}'),
    ("hostfwd port out of range", [*LOOP, "--net", "user,hostfwd=tcp::99999-:22"], FAILED,
     f'net: hostfwd "tcp::99999-:22" is not understood; {FORWARD}'),
    ("MAC address not understood", [*LOOP, "--net", "user,mac=here"], FAILED,
     'net: "here" is no MAC address; expected six pairs such as 52:54:00:12:34:56'),
    ("flag unknown", [*LOOP, "--turbo"], USAGE, "The following argument was not expected: --turbo"),
    ("flag without its value", ["--kernel"], USAGE, "--kernel: 1 required FILE missing"),
    ("machine file missing", ["missing.toml"], FAILED, "missing.toml: cannot be opened: No such file or directory"),
    ("machine file is a directory", ["folder"], FAILED, "folder: is a directory, expected a machine file"),
    ("machine file: syntax", ["syntax.toml"], FAILED, "syntax.toml:2: Error while parsing key-value pair: expected '=', saw 'i'"),
    ("machine file: unknown key", ["key.toml"], FAILED, f"key.toml:2: unknown key 'kernal', expected one of: {KEYS}"),
    ("machine file: a table", ["table.toml"], FAILED, f"table.toml:2: unknown key 'guest', expected one of: {KEYS}"),
    ("machine file: wrong type", ["type.toml"], FAILED, "type.toml:2: 'cpus' must be an integer"),
    ("machine file: size of wrong type", ["size.toml"], FAILED, "size.toml:2: 'memory' must be a string such as \"1G\""),
    ("machine file: out of range", ["range.toml"], FAILED, "range.toml:2: cpus must be 1 to 62, not 99"),
    ("machine file: size not understood", ["memory.toml"], FAILED, f"memory.toml:2: memory {SIZES} 'lots'"),
    ("machine file: item of wrong type", ["disks.toml"], FAILED, "disks.toml:2: 'disk' must be a string or an array of strings"),
    ("machine file: engine unknown", ["engine.toml"], FAILED, "engine.toml:2: engine must be 'interpreter', 'translator' or 'lockstep', not 'warp'"),
]

MACHINE_FILES = {
    "syntax": "memory is 1G",
    "key": 'kernal = "vmlinuz"',
    "table": "[guest]",
    "type": 'cpus = "two"',
    "size": "memory = 1024",
    "range": "cpus = 99",
    "memory": 'memory = "lots"',
    "disks": 'disk = ["disk", 5]',
    "engine": 'engine = "warp"',
}


def make_files(folder):
    x86_elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0" + bytes(100)
    contents = {
        "empty": b"", "short": b"abc", "loop": images.LOOP, "x86.elf": x86_elf, "cut.elf": x86_elf[:40], "odd": bytes(1000),
        "random": b"\xde\xad\xbe\xef" * 25000, "bad.ins": b"* a comment\nloop elsewhere\n", "gone.ins": b"gone 0x0\n",
        "cut.linux": pathlib.Path(linux.kernel()).read_bytes()[:0x10200],
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    for name, line in MACHINE_FILES.items():
        (folder / f"{name}.toml").write_text(f"# {name}\n{line}\n")
    os.truncate(os.open(folder / "disk", os.O_CREAT | os.O_WRONLY), 4 << 20)
    (folder / "folder").mkdir()
    (folder / "vmlinuz").symlink_to(linux.kernel())


class Folder(unittest.TestCase):
    """Tests in a folder of good and bad files."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        make_files(cls.folder)

    def refused(self, arguments, sentence, **options):
        """Asserts that `zvisor run ARGUMENTS` does nothing but say `sentence`."""
        done = zvisor("run", *arguments, cwd=self.folder, **options)
        self.assertEqual((done.said[:1], done.status, done.output), ([f"zvisor: {sentence}"], FAILED, ""))


class BadInput(Folder):
    """One test a row of CASES."""


def add_case(name, arguments, status, sentence):
    def test(self):
        if status == FAILED:
            return self.refused(arguments, sentence)
        done = zvisor("run", *arguments, cwd=self.folder)
        self.assertEqual((done.said[:1], done.status, done.output), ([sentence], status, ""))

    setattr(BadInput, test_name(name), test)


def test_name(case):
    return "test_" + "".join(c if c.isalnum() else "_" for c in case)


for each in CASES:
    add_case(*each)


def drop_power_to_write_all():
    """root, too, then needs the permission to write to a file."""
    pr_capbset_drop, cap_dac_override = 24, 1
    ctypes.CDLL(None).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0)


class InUse(Folder):
    """What depends on more than the command: permissions, other runs, other programs."""

    IN_USE = "disk disk: is in use by another run; a disk that is written to belongs to one run at a time"

    def running(self, *arguments):
        console = Console("run", *LOOP, *arguments, cwd=self.folder)
        self.addCleanup(console.__exit__)
        console.expect("CPU model")
        return console

    def test_disk_without_permission_to_write(self):
        os.chmod(self.folder / "disk", 0o444)
        sentence = "disk disk: may not be written to: Permission denied; give disk,ro to use it read-only"
        self.refused([*LOOP, "--disk", "disk"], sentence, preexec_fn=drop_power_to_write_all)
        os.chmod(self.folder / "disk", 0o644)

    def test_disk_written_to_belongs_to_one_run(self):
        self.running("--disk", "disk")
        self.refused([*LOOP, "--disk", "disk"], self.IN_USE)
        self.refused([*LOOP, "--disk", "disk,ro"], self.IN_USE)

    def test_disk_read_by_two_runs(self):
        first, second = self.running("--disk", "disk,ro"), self.running("--disk", "disk,ro")
        self.assertEqual((first.silent(0.3), first.process.poll(), second.process.poll()), ("", None, None))
        self.refused([*LOOP, "--disk", "disk"], self.IN_USE)

    def test_disk_is_free_after_a_run_was_killed(self):
        first = self.running("--disk", "disk")
        first.process.kill()
        first.process.wait()
        self.running("--disk", "disk")

    def test_port_is_busy(self):
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
            port = server.getsockname()[1]
            self.refused([*LOOP, "--net", f"user,hostfwd=tcp::{port}-:22"],
                         f"net: host port 127.0.0.1:{port} cannot be forwarded (hostfwd=tcp::{port}-:22): the port is in use by another program")


class Commands(unittest.TestCase):
    def test_no_command(self):
        done = zvisor()
        self.assertEqual((done.said[0], done.status), ("A subcommand is required", USAGE))

    def test_unknown_command(self):
        done = zvisor("frobnicate")
        self.assertEqual((done.said[0], done.status), ("The following argument was not expected: frobnicate", USAGE))


def table():
    rows = ["| case | test | sentence |", "|---|---|---|"]
    for name, _, status, sentence in CASES:
        rows.append(f"| {name} | `{test_name(name)}` | `{'zvisor: ' if status == FAILED else ''}{sentence}` |")
    return "\n".join(rows) + "\n"


class Documentation(unittest.TestCase):
    def test_readme_holds_the_table(self):
        self.assertIn(table(), (pathlib.Path(__file__).parent / "README.md").read_text())


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table(), end="")
    else:
        unittest.main()
