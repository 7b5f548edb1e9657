// SPDX-License-Identifier: Apache-2.0
#include "core/records.hpp"

namespace cgmm::core {

ContainerIdentity TrackedCgroup::container() const {
  const auto recognised = recognise_container(id.path, parent_length);
  return recognised ? recognised->identity : ContainerIdentity{};
}

std::string_view to_string(ReclaimMethod method) {
  return method == ReclaimMethod::force_empty ? "force_empty" : "memory.reclaim";
}

std::string_view to_string(ReclaimOutcome outcome) {
  switch (outcome) {
    case ReclaimOutcome::started:
      return "started";
    case ReclaimOutcome::done:
      return "done";
    case ReclaimOutcome::partial:
      return "partial";
    case ReclaimOutcome::failed:
      return "failed";
    case ReclaimOutcome::vanished:
      return "vanished";
    case ReclaimOutcome::interrupted:
      return "interrupted";
    case ReclaimOutcome::dry_run:
      return "dry_run";
  }
  return "";
}

std::string_view to_string(StoppedBy stopped_by) {
  switch (stopped_by) {
    case StoppedBy::target:
      return "target";
    case StoppedBy::nothing_left:
      return "nothing_left";
    case StoppedBy::pressure:
      return "pressure";
    case StoppedBy::timeout:
      return "timeout";
    case StoppedBy::stop:
      return "stop";
    case StoppedBy::vanished:
      return "vanished";
    case StoppedBy::error:
      return "error";
  }
  return "";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::effective:
      return "effective";
    case Verdict::churn:
      return "churn";
    case Verdict::futile:
      return "futile";
    case Verdict::failed:
      return "failed";
    case Verdict::unknown:
      return "unknown";
  }
  return "";
}

std::string_view to_string(JudgedBy judged_by) {
  switch (judged_by) {
    case JudgedBy::amount:
      return "amount";
    case JudgedBy::refaults:
      return "refaults";
    case JudgedBy::regrowth:
      return "regrowth";
  }
  return "";
}

std::string_view to_string(WatchEnd ended_by) {
  switch (ended_by) {
    case WatchEnd::observe_for:
      return "observe_for";
    case WatchEnd::next_reclaim:
      return "next_reclaim";
    case WatchEnd::vanished:
      return "vanished";
    case WatchEnd::stop:
      return "stop";
    case WatchEnd::at_once:
      return "at_once";
  }
  return "";
}

}  // namespace cgmm::core
