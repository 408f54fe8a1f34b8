#include "image/scripts.h"

namespace zvisor::image {

std::string_view boot_init_script()
{
    return R"sh(#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module"; done < /modules/order

root=/dev/vda1 mode=ro init=/sbin/init type=ext4 flags=
for word in $(cat /proc/cmdline); do
    case $word in
    root=*) root=${word#root=} ;;
    ro | rw) mode=$word ;;
    init=*) init=${word#init=} ;;
    rootfstype=*) type=${word#rootfstype=} ;;
    rootflags=*) flags=,${word#rootflags=} ;;
    esac
done

found=
tries=0
while [ $tries -lt 600 ]; do
    case $root in
    *=*) found=$(findfs "$root" 2> /dev/null) && break ;;
    *) [ -b "$root" ] && found=$root && break ;;
    esac
    tries=$((tries + 1))
    usleep 100000
done
if [ -z "$found" ] || ! mount -t "$type" -o "$mode$flags" "$found" /root; then
    echo "The root $root cannot be mounted; block devices: $(ls /sys/class/block | tr '\n' ' ')"
    echo "This is the shell of the initrd; poweroff -f ends it."
    exec cttyhack sh
fi
for folder in proc sys dev; do mount --move /$folder /root/$folder; done
exec switch_root /root "$init" "$@"
)sh";
}

std::string_view second_stage_init_script()
{
    return R"sh(#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
finish()
{
    echo "@zvisor@ $*"
    poweroff -f
    sleep 600
}
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo 1 > /proc/sys/kernel/printk
while read -r module; do insmod "/modules/$module" || finish "failed the kernel module $module does not load"; done < /modules/order

tries=0
while [ ! -b /dev/vda1 ] && [ $tries -lt 600 ]; do
    tries=$((tries + 1))
    usleep 100000
done
mount -t ext4 -o noatime,nobarrier /dev/vda1 /root || finish "failed the partition does not see the disk as /dev/vda1"
mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
mount -t devtmpfs dev /root/dev
mkdir -p /root/dev/pts /root/dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /root/dev/pts
mount -t tmpfs shm /root/dev/shm
mount -t tmpfs -o mode=755 run /root/run
mkdir -m 700 /root/run/zvisor
cp /stage/* /root/run/zvisor/
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
    chroot /root /bin/sh /run/zvisor/second-stage
status=$?
kill -9 -1
for folder in run dev/shm dev/pts dev sys proc; do umount /root/$folder || umount -l /root/$folder; done
umount /root || finish "failed the file system cannot be unmounted"
[ $status = 0 ] || finish "failed"
finish "done"
)sh";
}

std::string_view second_stage_script()
{
    return R"sh(set -u
give_up()
{
    echo "@zvisor@ reason $*"
    exit 1
}
hostname "$(cat /etc/hostname)" # else keys made here bear no name
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true INITRD=No
umask 022
here=/run/zvisor

echo '#!/bin/sh
exit 101' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d

while read -r package architecture script; do
    DPKG_MAINTSCRIPT_PACKAGE=$package DPKG_MAINTSCRIPT_ARCH=$architecture DPKG_MAINTSCRIPT_NAME=preinst \
        DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 DPKG_ROOT= DPKG_ADMINDIR=/var/lib/dpkg "/var/lib/dpkg/info/$script" install < /dev/null \
        || give_up "the script $script of the package $package failed"
done < $here/preinst

dpkg --configure --pending --force-confdef,confold,unsafe-io < /dev/null || give_up "dpkg --configure failed"

if [ -s $here/root-hash ]; then
    chpasswd -e < $here/root-hash || give_up "the password of root cannot be set"
fi
if [ -s $here/ssh-key ]; then
    mkdir -p -m 700 /root/.ssh
    (umask 077 && cat $here/ssh-key > /root/.ssh/authorized_keys) || give_up "the ssh key of root cannot be set"
fi
if [ -e $here/busybox-links ]; then
    busybox --install -s /usr/local/bin
    packaged=$(PATH=/usr/sbin:/usr/bin; for applet in $(busybox --list); do command -v "$applet" > /dev/null && echo "$applet"; done)
    # shellcheck disable=SC2086
    (cd /usr/local/bin && rm -f linuxrc $packaged)
fi
if [ -s $here/enable ]; then
    # shellcheck disable=SC2046
    systemctl enable $(cat $here/enable) || give_up "the services cannot be enabled"
fi

rm -f /usr/sbin/policy-rc.d /var/lib/systemd/random-seed /var/lib/dpkg/*-old /var/cache/debconf/*-old
if [ -e /etc/machine-id ]; then : > /etc/machine-id; fi
exit 0
)sh";
}

std::string_view minimal_start_script()
{
    return R"sh(#!/bin/sh
mount -o remount,rw,noatime /
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mkdir -p -m 1777 /run/lock
hostname "$(cat /etc/hostname)"
busybox ip link set lo up
if [ -e /sys/class/net/eth0 ]; then
    busybox ip link set eth0 up
    busybox udhcpc -b -S -i eth0 > /dev/null 2>&1 &
fi
)sh";
}

std::string_view minimal_stop_script()
{
    return R"sh(#!/bin/sh
trap '' TERM HUP
kill -TERM -1
kill -HUP -1
busybox usleep 300000
sync
mount -o remount,ro /
)sh";
}

} // namespace zvisor::image
