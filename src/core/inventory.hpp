// SPDX-License-Identifier: Apache-2.0
#pragma once

// What there is on a node, in one line: containers by runtime, pods, services. Pure: any thread.

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "core/container.hpp"

namespace cgmm::core {

class Inventory {
 public:
  void add(CgroupKind kind, const ContainerIdentity& identity);

  std::int64_t container_count() const { return container_count_; }
  /// "142 containers (120 of containerd in 61 pods, 22 of docker), 87 services and sessions, 40 directories above
  /// them".
  std::string to_string() const;

 private:
  struct OfRuntime {
    std::int64_t count = 0;
    std::set<std::string> pods;  // their uids
  };
  std::map<std::string, OfRuntime> runtimes_;
  std::int64_t container_count_ = 0;
  std::int64_t leaf_count_ = 0;
  std::int64_t inner_count_ = 0;
};

}  // namespace cgmm::core
