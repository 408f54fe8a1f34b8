#!/usr/bin/env python3
"""Storage that a guest takes online and offline while it runs."""
import pathlib
import tempfile
import unittest

from support import linux
from support.zvisor import Console

POWERED_OFF = 0

# Linux takes storage in blocks of 256 MiB here; memory2 and memory3 are standby storage.
SCRIPT = """
cd /sys/devices/system/memory
states() { echo "$1:" $(cat memory*/state) $(($(sed -n 's/MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo) / 262144)); }
states booted
echo online_movable > memory2/state
states larger
mount -t tmpfs -o size=90% tmpfs /tmp
dd if=/dev/urandom of=/tmp/0 bs=1M count=10 2> /dev/null
for i in $(seq 48); do cp /tmp/0 /tmp/$i; done
ls /tmp | wc -l
for i in $(seq 40); do rm /tmp/$i; done
echo offline > memory2/state
states smaller
md5sum /tmp/* | cut -c1-32 | uniq -c | sed 's/^ */the same in /'
echo online_movable > memory2/state && echo offline > memory2/state && echo online_movable > memory3/state
states moved
echo -n 'what now? '; read answer
[ "$answer" != reboot ] || reboot -f
poweroff -f
"""

LINES = ["booted: online online offline offline 1", "larger: online online online offline 2", "49", "smaller: online online offline offline 1",
         "the same in 9 ", "moved: online online offline online 2", r"what now\? "]


class StandbyStorage(unittest.TestCase):
    def test_linux_takes_storage_online_and_offline_and_a_reboot_begins_anew(self):
        with tempfile.TemporaryDirectory() as folder:
            guest = linux.machine(linux.initrd(pathlib.Path(folder, "initrd"), SCRIPT), "--max-memory", "1G", "--cpus", "2", memory="512M")
            with Console(*guest) as console:
                for answer in ("reboot", "stop"):
                    for line in LINES:
                        console.expect(line)
                    console.type(answer + "\n")
                self.assertEqual(console.end(), POWERED_OFF)


if __name__ == "__main__":
    unittest.main()
