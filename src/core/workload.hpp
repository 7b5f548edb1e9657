// SPDX-License-Identifier: Apache-2.0
#pragma once

// What people call a container, without asking an API server: the kubelet writes pod, namespace and container
// into the names of its log files. And what the restarts and replicas of one workload have in common, though
// every one of them has a cgroup of its own. Pure: no I/O, any thread.

#include <optional>
#include <string>
#include <string_view>

#include "core/container.hpp"

namespace cgmm::core {

/// Empty strings where it was not told. What is parsed here has only the characters that Kubernetes allows in
/// a name.
struct ContainerNames {
  std::string pod_namespace;
  std::string pod;
  std::string container;

  friend bool operator==(const ContainerNames&, const ContainerNames&) = default;
};

struct NamedContainer {
  std::string container_id;
  ContainerNames names;

  friend bool operator==(const NamedContainer&, const NamedContainer&) = default;
};

struct NamedPod {
  std::string pod_uid;   // with '-'; 32 hexadecimal digits of a static pod
  ContainerNames names;  // container is ""

  friend bool operator==(const NamedPod&, const NamedPod&) = default;
};

/// "<pod>_<namespace>_<container>-<64 hexadecimal digits>.log", as in /var/log/containers. nullopt for
/// anything else, also where the kubelet cut off the id because the name would be longer than 255 bytes.
std::optional<NamedContainer> parse_container_log(std::string_view file_name);

/// "<namespace>_<pod>_<uid>", as in /var/log/pods. nullopt for anything else.
std::optional<NamedPod> parse_pod_log_dir(std::string_view name);

/// What replicas and restarts of one workload share of a pod's name:
///
///     web-7d9c5b8f6d-x2x4z     web       Deployment (also "web-1564180365-x2x4z", before Kubernetes 1.8)
///     fluentd-x2x4z            fluentd   DaemonSet, Job, ReplicaSet
///     backup-28391040-x2x4z    backup    CronJob
///     train-3-x2x4z            train     a Job's index, an OpenShift deployment's version
///     db-0                     db        StatefulSet
///
/// Anything else stays as it is. What Kubernetes generates has no vowel (and no y, 0, 1, 3), so that few
/// words look like it: a pod made by hand whose last word is five of those letters ("prod-mssql", "my-https")
/// or a number of up to four digits ("postgres-15") loses it, as does a static pod whose node's name ends so
/// ("kube-proxy-node-1"). A generated name of 63 characters was cut to fit before the suffix was appended:
/// whatever is left of the hash is taken off.
std::string pod_prefix(std::string_view pod);

/// The same for every restart and replica: "namespace/pod-prefix/container", or "namespace/pod-prefix" where
/// the container's name is not told. Without names "pod/<uid>" where the path told the pod; "" for a
/// container of which only an id is known, because its restart can't be recognised; and the cgroup's path for
/// anything else (a systemd unit).
std::string workload_of(const ContainerNames& names, const ContainerIdentity& identity, std::string_view cgroup_path);

}  // namespace cgmm::core
