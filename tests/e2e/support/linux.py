"""Linux guests of the tests: Debian's kernel with a root in memory made here, of busybox and what a test adds."""
import functools
import pathlib
import stat
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
# What a boot spends on testing itself is of no use here.
COMMAND_LINE = "console=ttysclp0 quiet cryptomgr.notests=1 panic=0"
MODULES = "usr/lib/modules/*"

PRELUDE = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
# Linux names disks in the order in which it happens to find them: disk N is the device with that number.
disk() { echo /dev/$(ls /sys/bus/ccw/devices/0.0.000$1/virtio*/block); }
"""


@functools.cache
def memory_root():
    """The paths of Debian's kernel and of the root in memory that tools/memory-root makes of Debian's packages."""
    made = subprocess.run([ROOT / "tools/memory-root"], stdout=subprocess.PIPE, text=True, check=True)
    return made.stdout.split()


def kernel():
    return memory_root()[0]


@functools.cache
def busybox():
    package = subprocess.run([ROOT / "tools/debian-packages", "--only", "busybox-static"], stdout=subprocess.PIPE, text=True, check=True)
    files = subprocess.run(["dpkg-deb", "--fsys-tarfile", package.stdout.strip()], stdout=subprocess.PIPE, check=True)
    return subprocess.run(["tar", "-xO", "./bin/busybox"], input=files.stdout, stdout=subprocess.PIPE, check=True).stdout


@functools.cache
def module_files():
    """The kernel's modules: name -> (what it needs, its bytes)."""
    with tempfile.TemporaryDirectory() as folder:
        with open(memory_root()[1], "rb") as archive:
            subprocess.run(["cpio", "-idm", "--quiet", MODULES], stdin=archive, cwd=folder, check=True)
        (modules,) = pathlib.Path(folder, "usr/lib/modules").iterdir()
        found = {}
        for line in (modules / "modules.dep").read_text().splitlines():
            path, needs = line.split(":")
            name = pathlib.PurePath(path).stem.replace("-", "_")
            found[name] = ([pathlib.PurePath(need).stem.replace("-", "_") for need in needs.split()], (modules / path).read_bytes())
        return found


def in_loading_order(names):
    """The modules and what they need, what is needed first."""
    order = []
    for name in names:
        for each in [*reversed(module_files()[name][0]), name]:
            if each not in order:
                order.append(each)
    return order


def cpio_entry(path, mode, content=b"", number=(0, 0)):
    """One file of a cpio archive in the newc form."""
    name = path.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, *number, len(name), 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def initrd(path, script, modules=(), files=None):
    """Writes an initrd whose first process loads `modules` and runs the shell lines `script`; `files`: path -> bytes."""
    order = in_loading_order(modules)
    init = PRELUDE + "".join(f"insmod /modules/{name}.ko\n" for name in order) + script
    entries = [cpio_entry(folder, stat.S_IFDIR | 0o755) for folder in ("bin", "dev", "proc", "sys", "modules", "mnt", "tmp", "etc")]
    entries.append(cpio_entry("dev/console", stat.S_IFCHR | 0o600, number=(5, 1)))
    entries.append(cpio_entry("bin/busybox", stat.S_IFREG | 0o755, busybox()))
    entries += [cpio_entry(f"modules/{name}.ko", stat.S_IFREG | 0o644, module_files()[name][1]) for name in order]
    entries += [cpio_entry(name, stat.S_IFREG | 0o755, content) for name, content in (files or {}).items()]
    entries.append(cpio_entry("init", stat.S_IFREG | 0o755, init.encode()))
    entries.append(cpio_entry("TRAILER!!!", 0))
    pathlib.Path(path).write_bytes(b"".join(entries))
    return str(path)


def compiled(source):
    """A static s390x program from a C source file, as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "program")
        subprocess.run(["s390x-linux-gnu-gcc", "-O2", "-static", "-Wall", "-Werror", "-o", program, source], check=True)
        return program.read_bytes()


def machine(initrd_path, *options, cmdline="", memory="256M"):
    """Arguments of `zvisor` that run this guest."""
    command_line = f"{COMMAND_LINE} {cmdline}".strip()
    return ["run", "--kernel", kernel(), "--initrd", initrd_path, "--cmdline", command_line, "--memory", memory, *options]


def alone(path, source):
    """A program that runs alone on a machine, on the runtime of tests/guest, from a C source file."""
    guest = ROOT / "tests/guest"
    runtime = [each for each in sorted((guest / "lib").iterdir()) if each.suffix in (".c", ".S")]
    flags = ("-march=z15 -std=gnu2x -O1 -ffreestanding -fno-builtin -fno-pic -no-pie -static -nostdlib -fno-stack-protector -msoft-float "
             "-fno-asynchronous-unwind-tables -fno-delete-null-pointer-checks -Wall -Wextra -Werror -Wl,--build-id=none "
             "-Wl,-z,noexecstack -Wl,--no-warn-rwx-segments").split()
    subprocess.run(["s390x-linux-gnu-gcc", *flags, f"-I{guest}", f"-Wl,-T,{guest}/guest.ld", "-o", path, source, *runtime], check=True)
    return str(path)
