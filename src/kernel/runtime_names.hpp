// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names of containers that Docker and Podman run, from the files where these keep them. Others write these files: what
// is no regular file, too long, not JSON, or no name by Docker's rule gives no name. Never throws. For one thread that
// may wait for a disk: the recorder's.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/container.hpp"
#include "core/workload.hpp"

namespace cgmm::kernel {

class RuntimeNames {
 public:
  struct Places {
    std::vector<std::string> docker = {"/host/var/lib/docker/containers", "/var/lib/docker/containers"};
    std::vector<std::string> podman = {"/host/var/lib/containers/storage/overlay-containers/containers.json",
                                       "/var/lib/containers/storage/overlay-containers/containers.json"};
  };

  /// `setting`: that of container_logs. Looks for names only if it is "auto". Does not access the disk yet.
  RuntimeNames(std::string_view setting, Places places);
  explicit RuntimeNames(std::string_view setting) : RuntimeNames(setting, Places()) {}

  /// The container's name alone: there is no pod. nullopt: not known, or it is in a pod of Kubernetes. For a name that
  /// was missing, files are read again after a second. `now_us`: wall clock.
  std::optional<core::ContainerNames> names_of(const core::ContainerIdentity& identity, std::int64_t now_us);

  /// The places that are there now, in words; "": none.
  std::string where() const;

 private:
  std::string docker_name(const std::string& id) const;
  std::string podman_name(const std::string& id, std::int64_t now_us);
  void read_podman();

  bool automatic_;
  Places places_;
  std::unordered_map<std::string, std::int64_t> missed_at_us_;  // by id
  std::unordered_map<std::string, std::string> podman_;         // names by id, as last read
  std::optional<std::int64_t> podman_read_at_us_;
};

}  // namespace cgmm::kernel
