#!/bin/sh
# machine.sh ROOT SOURCE < config.toml: a machine with systemd, in namespaces that unshare has made,
# installed as docs/operations.md says. ROOT is an empty folder, SOURCE a checkout. Of the machine it
# runs on it has the network, Debian's programs, which it can only read, and a copy of /etc.
set -eu
root=$1 source=$2
mount --make-rprivate /
mount -t tmpfs -o mode=755 machine "$root"
cd "$root"
mkdir -p usr etc opt var/lib var/log var/tmp var/cache var/backups run tmp root home proc sys dev/pts dev/shm source
chmod 1777 tmp var/tmp
for folder in bin sbin lib lib32 lib64 libx32; do
    [ ! -L "/$folder" ] || cp -P "/$folder" .
done
mount --rbind /usr usr
mount -o remount,bind,ro usr
cp -a /etc/. etc
rm -rf etc/systemd/system
(cd "$source" && git ls-files -z | tar -c --null -T -) | tar -x -C source
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 shm dev/shm
mkdir gone
pivot_root . gone
umount -l /gone

useradd --system --home-dir /var/lib/classroom-sync classroom-sync
/usr/bin/python3 -m venv /opt/classroom-sync
cd /source
/opt/classroom-sync/bin/pip install --quiet --disable-pip-version-check -c constraints.txt .
mkdir -p /etc/systemd/system /etc/classroom-sync /var/backups/classroom-sync
chown classroom-sync: /var/backups/classroom-sync
cp deploy/systemd/* /etc/systemd/system/
cat > /etc/classroom-sync/config.toml
printf '[Unit]\nWants=classroom-sync.service\n' > /etc/systemd/system/machine.target
exec setpriv --bounding-set -sys_time,-sys_module,-sys_rawio,-sys_boot env -i container=lxc PATH=/usr/sbin:/usr/bin \
    /lib/systemd/systemd --system --unit=machine.target --log-target=console --show-status=no
