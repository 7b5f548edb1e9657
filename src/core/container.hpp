// SPDX-License-Identifier: Apache-2.0
#pragma once

// Recognises a container by the path of its cgroup: cgroupfs and systemd drivers; containerd, CRI-O, Docker, Podman.
// Pure: no I/O, any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cgmm::core {

/// Which cgroups are tracked. `automatic`: containers, and the leaves outside of them. What somebody makes, such as a
/// rootless container, takes nobody else out.
enum class Watch : std::uint8_t { automatic, containers, leaves };

/// What a cgroup's path says about its container. Empty strings: the path does not say.
struct ContainerIdentity {
  std::string runtime;       // "containerd", "cri-o", "docker", "podman"
  std::string container_id;  // hexadecimal
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

/// Its identity only; empty: none.
ContainerIdentity container_of(std::string_view path, std::size_t from);

}  // namespace cgmm::core
