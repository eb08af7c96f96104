# Process 1 of a node: mounts of its own, then containerd and the kubelet.
# Environment: STATE (of the cluster), NODE, NUMBER, KUBELET, CGROUP_VERSION, CGROUPS (controllers).
set -eu
d=$STATE/$NODE
hostname "$NODE"
mount --make-rshared /
mount -t sysfs sysfs /sys
if [ "$CGROUP_VERSION" = 2 ]; then
  mount -t cgroup2 cgroup /sys/fs/cgroup
else
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  for c in $CGROUPS; do
    mkdir -p "/sys/fs/cgroup/${c#name=}"
    mount -t cgroup -o "$(case $c in name=*) echo "none,$c" ;; *) echo "$c" ;; esac)" cgroup "/sys/fs/cgroup/${c#name=}"
  done
fi
# These are the machine's: the kubelet finds what it wants in files bound over them, and writes nothing.
mkdir -p "$d/sysctl"
for v in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
  file=$d/sysctl/$(basename "${v%=*}")
  echo "${v#*=}" >"$file"
  mount --bind "$file" "/proc/sys/${v%=*}"
done
mount --bind "$d/run" /run
mount --bind "$d/var-lib" /var/lib
mount --bind "$d/log" /var/log
mount -t overlay -o "lowerdir=/etc,upperdir=$d/etc-up,workdir=$d/etc-wk" overlay /etc
mount --bind "$d/opt" /opt
rm -rf /run/*
mkdir -p /run/lock /run/netns /var/lib/kubelet /var/lib/containerd /var/lib/cni /etc/cni/net.d/multus.d /etc/containerd \
  /var/log/pods /var/log/containers
cp "$STATE/admin.kubeconfig" /etc/cni/net.d/multus.d/multus.kubeconfig
cp "$d/00-multus.conf" /etc/cni/net.d/
cp "$d/containerd.toml" /etc/containerd/config.toml
echo "nameserver 10.96.0.10" >/etc/kn-resolv.conf
/usr/bin/containerd >"$d/log/containerd.log" 2>&1 &
n=0
until /usr/bin/ctr version >/dev/null 2>&1; do
  n=$((n + 1))
  [ $n -lt 200 ] || exit 1
  sleep 0.1
done
for file in "$STATE"/images/*; do
  /usr/bin/ctr -n k8s.io images import "$file"
done
"$KUBELET" --config="$d/kubelet.json" --kubeconfig="$d/kubelet.kubeconfig" --hostname-override="$NODE" \
  --node-ip="10.200.0.1$NUMBER" --v=2 >"$d/log/kubelet.log" 2>&1 &
trap 'exit 0' TERM INT
while :; do
  wait || true
  sleep 1
done
