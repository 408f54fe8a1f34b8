#!/usr/bin/env python3
"""What Linux sees of its logical partition and of the others, and the CPUs it takes online."""
import unittest

from support import linux
from support.machines import Machines
from support.zvisor import Console

POWERED_OFF = 0

PRELUDE = """
cd /sys/devices/system/cpu
states() { echo "$1: online $(cat online) polarization" $(cat cpu*/polarization); }
sysinfo() { sed -n "s/^LPAR $1: *//p" /proc/sysinfo; }
mount -t s390_hypfs none /sys/hypervisor/s390
hypfs() { cat /sys/hypervisor/s390/systems/$1/cpus/0/$2; }
"""

ALONE = PRELUDE + """
echo partition $(sysinfo Number) $(sysinfo Name) cpus $(sysinfo 'CPUs Configured') $(sysinfo 'CPUs Standby') factor $(sysinfo Adjustment)
states booted
for i in 1 2 3; do
    echo 1 > cpu2/configure && echo 1 > cpu2/online && taskset 4 echo on $(cat online)
    echo 0 > cpu2/online && echo 0 > cpu2/configure && echo off $(cat online)
done
echo 0 > cpu1/online && echo 0 > cpu1/configure
echo configured $(sysinfo 'CPUs Configured')
ls /sys/hypervisor/s390/systems
[ $(hypfs LPTEST cputime) -gt 0 -a $(hypfs LPTEST cputime) -le $(hypfs LPTEST onlinetime) ] && echo time of a $(hypfs LPTEST type) adds up
hypervisor_information
poweroff -f
"""
ALONE_LINES = ["partition 1 LPTEST cpus 2 2 factor 1000", "booted: online 0-1 polarization horizontal horizontal unknown unknown",
               *["on 0-2", "off 0-1"] * 3, "configured 1", "LPTEST", "time of a IFL adds up",
               "sthyi 0 0: flags 80 machine 40 partition b8 number 1 cpus 1"]

AMONG_OTHERS = PRELUDE + """
echo partition $(sysinfo Number) $(sysinfo Name) cpus $(sysinfo 'CPUs Configured') $(sysinfo 'CPUs Standby') factor $(sysinfo Adjustment)
echo 1 > cpu1/configure && echo 1 > cpu1/online && echo cpus $(cat online)
echo 1 > dispatching && sleep 1 && states vertically
echo 0 > dispatching && sleep 1 && states horizontally
echo systems $(ls /sys/hypervisor/s390/systems)
[ -d /sys/hypervisor/s390/cpus ] && echo physical CPUs $(ls /sys/hypervisor/s390/cpus | wc -l)
other() { [ ! -e /sys/hypervisor/s390/systems/OTHER/cpus/0 ] && echo 0 || hypfs OTHER cputime; }
before=$(other)
[ ! -d /sys/hypervisor/s390/systems/OTHER ] || for i in $(seq 60); do
    sleep 1; echo 1 > /sys/hypervisor/s390/update
    [ $(other) -gt $((before + 10000)) ] && echo the other partition works && break
done
hypervisor_information
echo done
poweroff -f
"""

MACHINE = """
[machine]
name = "E2ELPAR"
physical-cpus = 2
[partition.WATCHER]
number = 5
memory = "256M"
cpus = 1
max-cpus = 2
weight = 999
capped = true
global-performance-data = {authority}
kernel = "{kernel}"
initrd = "{initrd}"
cmdline = "{cmdline}"
[partition.OTHER]
number = 7
memory = "256M"
weight = 1
kernel = "{kernel}"
initrd = "{busy}"
cmdline = "{cmdline}"
"""


class LogicalPartition(Machines):
    def initrd(self, name, script):
        program = linux.compiled(linux.ROOT / "tests/e2e/support/hypervisor_information.c")
        return linux.initrd(self.folder / name, script, files={"bin/hypervisor_information": program})

    def expect_all(self, console, lines):
        for line in lines:
            console.expect(line)

    def test_linux_knows_its_partition_and_takes_cpus_online_and_offline(self):
        options = "--personality lpar --name LPTEST --cpus 2 --max-cpus 4".split()
        with Console(*linux.machine(self.initrd("initrd", ALONE), *options)) as console:
            self.expect_all(console, ALONE_LINES)
            self.assertEqual(console.end(), POWERED_OFF)

    def watcher(self, authority):
        """The console of a partition beside another in a machine of its own."""
        self.start_file(self.file("machine.toml", MACHINE.format(
            authority=authority, kernel=linux.kernel(), cmdline=linux.COMMAND_LINE, initrd=self.initrd("watcher", AMONG_OTHERS),
            busy=self.initrd("busy", "while :; do for i in $(seq 5000); do :; done; sleep 0.1; done\n"))))
        return self.console("console", "WATCHER")

    def test_with_authority_linux_sees_all_partitions_and_the_physical_cpus(self):
        self.expect_all(self.watcher("true"), [
            "partition 5 WATCHER cpus 1 1 factor 1000", "cpus 0-1", "vertically: online 0-1 polarization vertical:high vertical:",
            "horizontally: online 0-1 polarization horizontal horizontal", "systems OTHER WATCHER", "physical CPUs 2",
            "the other partition works", "sthyi 0 0: flags 00 machine e0 partition f8 number 5 cpus 2", "done"])

    def test_without_authority_linux_sees_its_own_partition_alone(self):
        console = self.watcher("false")
        self.expect_all(console, ["systems WATCHER\r?\n", "sthyi 0 0: flags 80 machine 60 partition b8 number 5 cpus 2", "done"])
        self.assertNotIn("physical CPUs", console.text)


if __name__ == "__main__":
    unittest.main()
