// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/scan_faults.hpp"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

namespace cgmm::daemon {

ScanFaults::ScanFaults(RecordQueue& queue)
    : cgroups_fault_("cgroups", queue), max_cgroups_fault_("max_cgroups", queue), parent_fault_("parent", queue) {}

void ScanFaults::tell(const PassResult& result, std::int64_t now_us) {
  tell_of_parent(result, now_us);
  if (!result.parent_error.empty()) return;
  tell_of_unwatched(result.unwatched_count);
  cgroups_fault_.tell(
      now_us, unreadable_.after_pass(result.scan.error_count, result.first_error, "cgroups that can't be read"));
  tell_of_left_out(result.left_out_count, now_us);
}

void ScanFaults::tell_of_parent(const PassResult& result, std::int64_t now_us) {
  FaultLog::Message message = no_parent_.after_pass(result.parent_error.empty() ? 0 : 1, "", "");
  if (message.text.empty()) return;
  message.text = message.is_end ? "the directory of the watched cgroups can be read again"
                                : "the directory of the watched cgroups can't be read: " + result.parent_error;
  parent_fault_.tell(now_us, message);
}

void ScanFaults::tell_of_unwatched(std::int64_t count) {
  const bool is_costly = count > 0;
  if (is_costly == std::exchange(unwatched_told_, is_costly)) return;
  if (is_costly) {
    spdlog::warn(
        "{} directories can't be watched for changes and are listed in every scan, which costs more: raise "
        "fs.inotify.max_user_watches, of which half is taken at most",
        count);
  } else {
    spdlog::info("all directories are watched for changes again");
  }
}

void ScanFaults::tell_of_left_out(std::int64_t count, std::int64_t now_us) {
  FaultLog::Message message = left_out_.after_pass(count, "", "");
  if (message.text.empty()) return;
  message.text = message.is_end ? "no cgroup is over max_cgroups any more"
                                : std::to_string(count) +
                                      " cgroups are over max_cgroups and left out; those that are watched stay watched";
  max_cgroups_fault_.tell(now_us, message);
}

}  // namespace cgmm::daemon
