// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the service works by. Plain data: any thread.

#include <cstdint>
#include <string>

#include "core/near_limit.hpp"
#include "core/policy.hpp"
#include "core/records.hpp"
#include "kernel/hierarchy.hpp"
#include "kernel/tree.hpp"

namespace cgmm::daemon {

/// What may change while the service runs.
struct Settings {
  std::string parent;                 // "auto" or a directory
  std::int64_t max_cgroups = 20'000;  // tracked at most
  std::int64_t interval_us = 10'000'000;
  core::Policy policy;
  core::NearLimitBounds near_limit;
  bool dry_run = false;
  core::RetentionSettings retention;

  /// In one line, for the log and the history.
  std::string to_string() const;
};

/// What is taken at the start, and stays.
struct Sources {
  std::string kernel_log = "auto";      // "auto", "off", or a file like /dev/kmsg
  std::string container_logs = "auto";  // "auto", "off", or a directory like /var/log
};

/// The hierarchy that a parent setting means. Throws kernel::HierarchyError.
kernel::Hierarchy hierarchy_for(const std::string& parent);

/// What a kernel_log setting means for that hierarchy: a file, "auto", or "off" and perhaps why. The kernel log says
/// nothing of a copied tree.
std::string log_to_read(const std::string& kernel_log, const kernel::Hierarchy& hierarchy);

}  // namespace cgmm::daemon
