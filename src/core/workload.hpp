// SPDX-License-Identifier: Apache-2.0
#pragma once

// The names of a container, from the names of the kubelet's log files; and the workload: what its restarts and replicas
// have in common. Pure: no I/O, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "core/container.hpp"

namespace cgmm::core {

/// Empty strings: not known. The parsers accept only the characters that Kubernetes allows in a name.
struct ContainerNames {
  std::string pod_namespace;
  std::string pod;
  std::string container;

  friend bool operator==(const ContainerNames&, const ContainerNames&) = default;
};

struct NamedLog {
  std::string key;  // the container's id or the begin of it, or the pod's uid
  ContainerNames names;

  friend bool operator==(const NamedLog&, const NamedLog&) = default;
};

/// "<pod>_<namespace>_<container>-<64 hexadecimal digits>.log", as in /var/log/containers. nullopt for anything else.
std::optional<NamedLog> parse_container_log(std::string_view file_name);

/// The same of a name that the kubelet cut, because it would be longer than 255 bytes: what is before ".log" ends after
/// 251 bytes. `key` is the begin of the id. nullopt for anything else, and where less than four digits are left: these
/// may be a part of the container's name. The names of pod and namespace are whole, because those of a longer pod would
/// not fit into the name of its directory in /var/log/pods either.
std::optional<NamedLog> parse_cut_container_log(std::string_view file_name);

/// "<namespace>_<pod>_<uid>", as in /var/log/pods. nullopt for anything else.
std::optional<NamedLog> parse_pod_log_dir(std::string_view name);

/// The part of a pod's name that all replicas and restarts of one workload share:
///
///     web-7d9c5b8f6d-x2x4z     web       Deployment (also "web-1564180365-x2x4z", before Kubernetes 1.8)
///     fluentd-x2x4z            fluentd   DaemonSet, Job, ReplicaSet
///     backup-28391040-x2x4z    backup    CronJob
///     train-3-x2x4z            train     a Job's index, an OpenShift deployment's version
///     db-0                     db        StatefulSet
///
/// Anything else stays as it is. A pod made by hand loses its last word if that looks generated ("prod-mssql") or is a
/// number of up to four digits ("postgres-15"). Kubernetes truncates a name of over 63 characters before it appends the
/// suffix: then the rest of the hash is removed too.
std::string_view pod_prefix(std::string_view pod);

/// The same for pods whose names have what tells one run from another in the middle, else pod_prefix(). Where it is not
/// certain that a word was generated, the name stays as it is. `container`: "" if it is not known.
///
///     etl-83d5ea7b1f2c3d4e-driver               etl-driver    Spark (also "etl-1530732742123-driver", before 3.0)
///     etl-83d5ea7b1f2c3d4e-exec-12              etl-exec
///     build-x2x4z-compile-pod                   build-compile Tekton, in containers of its steps
///     hello-x2x4z-print-1335831723              hello-print   Argo Workflows, in its containers main, wait and init
///     nightly-1700000000-dump-1335831723        nightly-dump  a CronWorkflow
std::string pod_group(std::string_view pod, std::string_view container);

/// "namespace/pod-group/container", or "namespace/pod-group" if the container's name is not known (or it is a pod). The
/// name alone where there is no pod (Docker, Podman). Without names: "pod/<uid>" if the path names the pod; "" for a
/// container with only an id, because its restart can't be recognised; the cgroup's path for anything else (a systemd
/// unit).
std::string workload_of(const ContainerNames& names, const ContainerIdentity& identity, std::string_view cgroup_path);

/// Whether a workload is of names, so that pods that are made anew have it too: it is no path and no uid.
bool has_names(std::string_view workload);

/// So long names are looked for. The kubelet makes a container's log within seconds.
inline constexpr std::int64_t kLookForNames_us = 10 * base::kMinute_us;

/// Whether the node may tell names that the path does not: of a container with an id, and of a pod with a uid.
bool may_get_names(const ContainerIdentity& identity);

}  // namespace cgmm::core
