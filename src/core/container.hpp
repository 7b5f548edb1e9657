// SPDX-License-Identifier: Apache-2.0
#pragma once

// Recognises containers and pods by the paths of their cgroups, wherever they are in the hierarchy. container.cpp has
// the table of layouts. Pure: no I/O, any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cgmm::core {

/// What a cgroup's path says about its container. Empty strings: the path does not say.
struct ContainerIdentity {
  std::string runtime;       // "containerd", "cri-o", "docker", "podman", "kata", "lxc" and others
  std::string container_id;  // hexadecimal, or the name that the runtime gives it
  std::string pod_uid;       // with '-', also if systemd escaped it to '_'
  std::string qos_class;     // "guaranteed", "burstable", "besteffort"; "" outside Kubernetes

  friend bool operator==(const ContainerIdentity&, const ContainerIdentity&) = default;
};

/// Whether it has only the digits of an id.
bool is_hex(std::string_view text);

/// "0f5b1c2d-1111-2222-3333-444455556666", or 32 digits without '-'.
bool is_pod_uid(std::string_view text);

/// A container's cgroup as found in a path.
struct RecognisedContainer {
  ContainerIdentity identity;
  std::size_t path_length = 0;  // the container's own cgroup is path.substr(0, path_length); the rest is nested in it
};

/// The outermost container on the path; nullopt: none. Only a segment that ends after `from` can be the container.
/// Earlier ones (the parent may itself be in a container) still name the pod.
std::optional<RecognisedContainer> recognise_container(std::string_view path, std::size_t from = 0);

/// What a cgroup is to a node.
enum class CgroupKind : std::uint8_t {
  container,
  pod,    // the directory of a pod's containers
  inner,  // another directory with cgroups below it
  leaf    // a service, a session or whatever else has none
};

/// Whether its samples are of what it holds beyond the cgroups below it.
inline bool has_remainder(CgroupKind kind) { return kind == CgroupKind::pod || kind == CgroupKind::inner; }

/// Whether the path is a pod's own directory, of Kubernetes or of Podman.
bool is_pod(std::string_view path);

/// Of the container that the path is in, else of the pod that it is; empty: it is in none.
ContainerIdentity identity_of(std::string_view path, std::size_t from);

}  // namespace cgmm::core
