// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/scan_faults.hpp"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

namespace cgmm::daemon {

ScanFaults::ScanFaults(RecordQueue& queue)
    : cgroups_fault_("cgroups", queue), max_cgroups_fault_("max_cgroups", queue), parent_fault_("parent", queue) {}

void ScanFaults::tell(const PassResult& result, std::int64_t now_us) {
  const bool has_parent = result.parent_error.empty();
  parent_fault_.after_pass(now_us, has_parent ? 0 : 1,
                           "the directory of the watched cgroups can't be read: " + result.parent_error,
                           "the directory of the watched cgroups can be read again");
  if (!has_parent) return;
  tell_of_unwatched(result.unwatched_count);
  cgroups_fault_.after_pass(
      now_us, result.scan.error_count,
      "cgroups that can't be read: " + std::to_string(result.scan.error_count) + ", the first: " + result.first_error,
      "all cgroups can be read again");
  max_cgroups_fault_.after_pass(now_us, result.left_out_count,
                                std::to_string(result.left_out_count) +
                                    " cgroups are over max_cgroups and left out; those that are watched stay watched",
                                "no cgroup is over max_cgroups any more");
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

}  // namespace cgmm::daemon
