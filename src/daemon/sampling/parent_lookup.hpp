// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which hierarchy the parent setting means, and when to look again: "auto" finds another parent when one comes into
// being, for kubelet may start long after us. One thread.

#include <cstdint>
#include <string>
#include <utility>

#include "kernel/hierarchy.hpp"

namespace cgmm::daemon {

class ParentLookup {
 public:
  /// `setting`: what the sampler's hierarchy came from.
  ParentLookup(std::string setting, std::int64_t steady_us) : setting_(std::move(setting)), looked_at_us_(steady_us) {}

  /// What another setting means now. Where "auto" has found a runtime's containers, that is not given up for the whole
  /// hierarchy while the directory exists: the last container may just have ended. Throws kernel::HierarchyError.
  kernel::Hierarchy find(const std::string& setting, const kernel::Hierarchy& now) const;
  /// The setting that holds from now on.
  void set(std::string setting) { setting_ = std::move(setting); }

  /// Whether it is time to look whether "auto" means another directory by now; true once a minute.
  bool is_due(std::int64_t steady_us);
  const std::string& setting() const { return setting_; }

 private:
  std::string setting_;
  std::int64_t looked_at_us_;
};

}  // namespace cgmm::daemon
