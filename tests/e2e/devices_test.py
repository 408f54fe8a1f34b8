#!/usr/bin/env python3
"""Debian's drivers on the devices: disks, network, random numbers, balloon; and disks that fail while in use."""
import http.server
import os
import pathlib
import re
import resource
import socket
import subprocess
import tempfile
import threading
import unittest

from support import linux
from support.zvisor import Console

MEGA = 1 << 20

DEVICES = """
mount -t ext4 $(disk 0) /mnt && echo "ext4 holds: $(cat /mnt/from-host)"
seq 1 100000 > /mnt/from-guest; sync; umount /mnt && echo UNMOUNTED
second=$(disk 1); block=/sys/block/${second#/dev/}
echo "serial $(cat $block/serial) read-only $(cat $block/ro) sum $(md5sum < $second | cut -c1-32)"
dd if=/dev/zero of=$second bs=512 count=1 conv=fsync 2> /dev/null && echo WROTE TO A READ-ONLY DISK
blkdiscard $(disk 2) && echo DISCARDED
echo "random numbers from $(cat /sys/class/misc/hw_random/rng_current): $(head -c 16 /dev/hwrng | od -An -tx1 | tr -d ' ')"
sleep 2; echo "memory $(grep MemTotal /proc/meminfo | tr -cd 0-9)"
echo '[ "$1" != bound ] || { ifconfig eth0 $ip netmask $subnet; route add default gw $router; echo nameserver $dns > /etc/resolv.conf; }' > /tmp/script
chmod 755 /tmp/script; sed -i '1i#!/bin/sh' /tmp/script
link=$(ls /sys/class/net | grep ^e); ip link set lo up; ip link set $link up
[ $link = eth0 ] || { ip link set $link down; ip link set $link name eth0; ip link set eth0 up; }
udhcpc -q -n -i eth0 -s /tmp/script > /dev/null 2>&1; echo "address $(ip -4 -o addr show eth0 | tr -s ' ' | cut -d' ' -f4)"
echo "host says: $(wget -q -O - http://10.0.2.2:$port/)"
nslookup deb.debian.org > /dev/null 2>&1 && echo NAME RESOLVED
nc -l -p 7 -e cat & sleep 1; echo LISTENING
echo -n 'done? '; read answer; poweroff -f
"""

FAULTS = """
read_one() { dd if=$(disk 0) of=/dev/null bs=4k count=1 skip=$1 iflag=direct 2> /dev/null && echo "read $1 well" || echo "read $1 failed"; }
read_one 4000
echo -n 'truncated? '; read answer
read_one 4001; read_one 10
record_writer 0 $(disk 1) 2>&1
echo WRITER ENDED
poweroff -f
"""


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from the host\n")

    def log_message(self, *_):
        pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def has_names():
    try:
        return bool(socket.getaddrinfo("deb.debian.org", 80))
    except OSError:
        return False


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def disk(self, name, size, content=b""):
        with open(self.folder / name, "wb") as file:
            file.write(content)
            file.truncate(size)
        return str(self.folder / name)


class Devices(Folder):
    def ext4_disk(self):
        disk = self.disk("ext4.img", 32 * MEGA)
        (self.folder / "tree").mkdir()
        (self.folder / "tree/from-host").write_text("a line of the host\n")
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", self.folder / "tree", disk], check=True)
        return disk

    def echoed(self, port, data):
        """What the guest's echo service sends back through the forwarded port."""
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)), daemon=True).start()
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def test_disks_network_random_numbers_and_balloon(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        ext4, filled, forwarded = self.ext4_disk(), os.urandom(8 * MEGA), free_port()
        read_only, discarded = self.disk("ro.img", len(filled), filled), self.disk("discard.img", len(filled), filled)
        modules = ["virtio_blk", "crc32c_generic", "ext4", "virtio_net", "virtio_rng", "virtio_balloon"]
        guest = linux.machine(
            linux.initrd(self.folder / "initrd", DEVICES, modules), "--disk", ext4, "--disk", f"{read_only},ro,serial=READONLY", "--disk", discarded,
            "--net", f"user,host-loopback,hostfwd=tcp::{forwarded}-:7", "--balloon", "target=64M", cmdline=f"port={server.server_port}")
        with Console(*guest) as console:
            console.expect("ext4 holds: a line of the host")
            console.expect("UNMOUNTED")
            self.assertEqual(console.expect("serial READONLY read-only 1 sum ([0-9a-f]{32})").group(1), self.md5(read_only))
            console.expect("DISCARDED")
            random = console.expect(r"random numbers from virtio_rng.0: ([0-9a-f]{32})").group(1)
            self.assertNotEqual(random, "0" * 32)
            memory = int(console.expect(r"memory (\d+)").group(1)) * 1024
            self.assertLess(memory, (256 - 64) * MEGA)
            console.expect("address 10.0.2.15/24")
            console.expect("host says: hello from the host")
            console.expect("LISTENING")
            data = os.urandom(200_000)
            self.assertEqual(self.echoed(forwarded, data), data)
            console.type("yes\n")
            self.assertEqual(console.end(), 0)
            self.assertNotIn("WROTE TO A READ-ONLY DISK", console.text)
            self.assertEqual("NAME RESOLVED" in console.text, has_names())
        self.check_disks(ext4, read_only, discarded, filled)

    def md5(self, path):
        return subprocess.run(["md5sum", path], capture_output=True, text=True, check=True).stdout.split()[0]

    def check_disks(self, ext4, read_only, discarded, filled):
        checked = subprocess.run(["e2fsck", "-fn", ext4], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        written = subprocess.run(["debugfs", "-R", "cat /from-guest", ext4], capture_output=True, text=True).stdout
        self.assertEqual(written, "".join(f"{number}\n" for number in range(1, 100_001)))
        self.assertEqual(pathlib.Path(read_only).read_bytes(), filled)
        self.assertEqual(pathlib.Path(discarded).read_bytes(), bytes(len(filled)))


class DisksThatFail(Folder):
    FULL_AT = 12 * MEGA

    def limit_files(self):
        """A file that cannot grow further is as full as a file system is."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.FULL_AT, self.FULL_AT))

    def test_truncated_and_full_while_in_use(self):
        shrinking, filling = self.disk("shrinking.img", 16 * MEGA), self.disk("filling.img", 16 * MEGA)
        writer = linux.compiled(linux.ROOT / "tests/e2e/support/record_writer.c")
        initrd = linux.initrd(self.folder / "initrd", FAULTS, ["virtio_blk"], {"bin/record_writer": writer})
        os.truncate(filling, 16 * MEGA)
        with Console(*linux.machine(initrd, "--disk", shrinking, "--disk", filling), preexec_fn=self.limit_files) as console:
            console.expect("read 4000 well")
            console.expect(r"truncated\? ")
            os.truncate(shrinking, 8 * MEGA)
            console.type("yes\n")
            console.expect("read 4001 failed")
            console.expect("read 10 well")
            console.expect("WRITER ENDED")
            self.assertEqual(console.end(), 0)
        self.assertRegex(console.text, "(fsync|pwrite): Input/output error")
        safe = [int(number) for number in re.findall(r"SAFE (\d+)", console.text)]
        self.assertEqual(safe, list(range(self.FULL_AT // 4096)))
        image = pathlib.Path(filling).read_bytes()
        for number in safe:
            self.assertEqual(image[number * 4096:(number + 1) * 4096], number.to_bytes(8, "big") * 512)


if __name__ == "__main__":
    unittest.main()
