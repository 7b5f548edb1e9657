// SPDX-License-Identifier: Apache-2.0
#include "core/records.hpp"

namespace cgmm::core {

std::string_view to_string(ReclaimMethod method) {
  return method == ReclaimMethod::force_empty ? "force_empty" : "memory.reclaim";
}

std::string_view to_string(ReclaimOutcome outcome) {
  switch (outcome) {
    case ReclaimOutcome::started: return "started";
    case ReclaimOutcome::done: return "done";
    case ReclaimOutcome::partial: return "partial";
    case ReclaimOutcome::failed: return "failed";
    case ReclaimOutcome::vanished: return "vanished";
    case ReclaimOutcome::interrupted: return "interrupted";
    case ReclaimOutcome::dry_run: return "dry_run";
  }
  return "";
}

}  // namespace cgmm::core
