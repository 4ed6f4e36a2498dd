#!/bin/sh
# A machine within the machine: process 1 is a systemd, in namespaces of its own for processes, files, network, names and control groups. What it
# writes lies in memory and is gone with it; of this machine it can reach the folder SHARED. It ends by itself after LIFE_S.
#
#   machine.sh probe                            can this be done here?
#   machine.sh CLONE NODE UNITS SHARED          runs it; SHARED/pid gets the number of its process 1, and SHARED/etc is its /etc/fairlead
set -e
LIFE_S=120

if [ "$1" != inside ]; then
  # systemd takes all processes of its control group for its own, so it gets a new one.
  group=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)$(sed -n 's/^0:://p' /proc/self/cgroup)/fairlead-interop-$$
  mkdir "$group"
  # shellcheck disable=SC2064
  trap "sleep 0.2; find '$group' -depth -type d -exec rmdir {} \; 2>/dev/null" EXIT
  run="unshare --pid --fork --kill-child=KILL --mount --net --uts --ipc --cgroup"
  if [ "$1" = probe ]; then
    grep -q overlay /proc/filesystems && test -x /lib/systemd/systemd
    sh -c "echo \$\$ > '$group/cgroup.procs'; exec $run mount --make-rprivate /"
    exit
  fi
  sh -c "echo \$\$ > '$group/cgroup.procs'; exec timeout -s KILL $LIFE_S $run sh \"\$0\" inside \"\$@\"" "$0" "$@" &
  trap 'kill -KILL $(cat "$4/pid")' TERM
  wait $! || true
  exit
fi

CLONE=$2 NODE=$3 UNITS=$4 SHARED=$5
# The number that this process has outside, for which /proc is still that of outside.
read -r pid _ < /proc/self/stat
echo "$pid" > "$SHARED/pid"

# All files of this machine, and over them a layer in memory.
mount --make-rprivate /
mount -t tmpfs none "$SHARED/root"
cd "$SHARED/root"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/upper,workdir=$PWD/work" root
cd root
mkdir -p opt/clone opt/units opt/old etc/fairlead
touch usr/local/bin/node
mount --rbind "$CLONE" opt/clone
mount --bind "$UNITS" opt/units
mount --bind "$SHARED/etc" etc/fairlead
mount --bind "$NODE" usr/local/bin/node
ln -sf /opt/clone/bin/fairlead usr/local/bin/fairlead

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
[ ! -e proc/sysrq-trigger ] || mount --bind /dev/null proc/sysrq-trigger
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev
for one in null zero full random urandom tty; do
  touch "dev/$one"
  mount --bind "/dev/$one" "dev/$one"
done
mkdir dev/shm dev/pts dev/mqueue
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs shm dev/shm
mount -t mqueue mqueue dev/mqueue
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mkdir run/shared
mount --bind "$SHARED" run/shared

ip link set lo up
pivot_root . opt/old
cd /
umount -l opt/old
exec env -i container=interop PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  SYSTEMD_UNIT_PATH=/opt/units /lib/systemd/systemd --system --unit=multi-user.target --show-status=no
