#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: run_container.sh RUNTIME CGROUP DIRECTORY
#
# Runs one container of a real runtime, with a limit of 64 MiB, to its end: when the file /table/food appears in it, it eats memory
# until it is killed. DIRECTORY holds its files; the runtime's daemon writes its log there.
#
# The runtime has namespaces of its own. There, CGROUP (a directory in each v1 hierarchy) is the root of the hierarchies, so that
# the runtime makes the paths that it makes on any machine. What it leaves in /etc, /run and elsewhere goes with the namespaces, and
# so do all of its processes.
set -eu

runtime=$1 cgroup=$2 files=$3
limit=67108864

# What the kernel mounts as this type, one mount a line.
mounts_of_type() {
  while read -r _ mount type _; do
    [ "$type" != "$1" ] || echo "$mount"
  done </proc/self/mounts
}

enter_namespaces() {
  for mount in $(mounts_of_type cgroup); do
    own=$mount/$cgroup
    for file in cpuset.cpus cpuset.mems; do  # a new cpuset has none
      [ ! -e "$own/$file" ] || cat "$mount/$file" >"$own/$file"
    done
    echo $$ >"$own/cgroup.procs"
  done
  exec unshare --cgroup --mount --pid --fork --kill-child --mount-proc --propagation private \
    "$0" "$runtime" "$cgroup" "$files" inside
}

mount_what_is_its_own() {
  mount -t tmpfs tmpfs /run
  for directory in /etc /opt /var/lib; do
    mkdir -p "/run/changes$directory/upper" "/run/changes$directory/work"
    mount -t overlay -o "lowerdir=$directory,upperdir=/run/changes$directory/upper,workdir=/run/changes$directory/work" \
      overlay "$directory"
  done
  mkdir /run/held
  for mount in $(mounts_of_type cgroup); do  # not over what is there: runtimes see all mounts
    mount --bind "$mount/$cgroup" /run/held
    umount --lazy "$mount"
    mount --move /run/held "$mount"
  done
  for mount in $(mounts_of_type cgroup2); do umount --lazy "$mount"; done
}

make_root() {
  root=$files/bundle/rootfs
  mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/proc" "$root/run" "$root/sys" "$root/table" "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for name in sh sleep tail; do ln -s busybox "$root/bin/$name"; done
  cat >"$root/bin/eat" <<'EOF'
#!/bin/sh
until [ -e /table/food ]; do sleep 0.1; done
exec tail /dev/zero
EOF
  chmod +x "$root/bin/eat"
}

# Starts a daemon, and waits until it answers: start_daemon QUESTION... -- DAEMON...
start_daemon() {
  question=
  while [ "$1" != -- ]; do question="$question $1" && shift; done
  shift
  "$@" >"$files/daemon.log" 2>&1 &
  until $question >/dev/null 2>&1; do
    kill -0 $! || { tail -n 3 "$files/daemon.log" && exit 1; }
    sleep 0.1
  done
}

# With the path that the kubelet asks for.
run_oci() {
  pod=/kubepods/burstable/pod0f5b1c2d-1111-2222-3333-444455556666
  id=5f1d7e0f4c3a2b19887766554433221100ffeeddccbbaa998877665544332211
  cat >"$files/bundle/config.json" <<EOF
{
  "ociVersion": "1.0.2",
  "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/eat"], "env": ["PATH=/bin"], "cwd": "/"},
  "root": {"path": "rootfs"},
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}
  ],
  "linux": {
    "cgroupsPath": "$pod/$id",
    "resources": {"memory": {"limit": $limit}},
    "namespaces": [{"type": "pid"}, {"type": "mount"}]
  }
}
EOF
  "$runtime" --root /run/oci run --bundle "$files/bundle" $id
}

run_containerd() {
  cat >"$files/containerd.toml" <<EOF
version = 2
root = "$files/root"
state = "/run/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/containerd.sock"
EOF
  start_daemon ctr -a /run/containerd.sock version -- containerd --config "$files/containerd.toml"
  ctr -a /run/containerd.sock run --runc-binary runc --memory-limit $limit --rootfs "$root" web /bin/eat
}

run_docker() {
  export DOCKER_HOST=unix:///run/docker.sock
  start_daemon docker version -- dockerd --data-root "$files/root" -H $DOCKER_HOST --bridge=none --iptables=false \
    --ip6tables=false --storage-driver vfs
  tar -C "$root" -c . | docker import - eater
  docker run --network none --memory $limit eater /bin/eat
}

podman_here() {
  command podman --root "$files/root" --runroot /run/podman --tmpdir /run/podman-tmp --storage-driver vfs --runtime runc \
    --cgroup-manager cgroupfs --events-backend none "$@"
}

run_podman() { podman_here run --network none --memory $limit --rootfs "$root" /bin/eat; }

run_podman_pod() {
  tar -C "$root" --exclude ./table -c . | podman_here import - pause
  podman_here pod create --name pod --network none --infra-image pause --infra-command '/bin/sleep 1000000'
  podman_here run --pod pod --memory $limit --rootfs "$root" /bin/eat
}

run_buildah() {
  set -- --root "$files/root" --runroot /run/buildah --storage-driver vfs
  container=$(buildah "$@" from --memory $limit scratch)
  buildah "$@" copy --quiet "$container" "$root" /
  buildah "$@" run --isolation oci --runtime runc "$container" /bin/eat
}

run_lxc() {
  mkdir -p "$files/lxc/web" /run/mount_of_root
  cat >"$files/lxc/web/config" <<EOF
lxc.uts.name = web
lxc.rootfs.path = dir:$root
lxc.rootfs.mount = /run/mount_of_root
lxc.net.0.type = none
lxc.cgroup.memory.limit_in_bytes = $limit
lxc.mount.auto = proc:rw
lxc.apparmor.profile = unconfined
lxc.init.cmd = /bin/eat
EOF
  lxc-start --lxcpath "$files/lxc" --name web --foreground
}

[ "${4:-}" = inside ] || enter_namespaces
mount_what_is_its_own
make_root
cd "$files"  # conmon leaves a file "oom" where it is
case $runtime in
  runc | crun) run_oci ;;
  *) "run_$runtime" ;;
esac
