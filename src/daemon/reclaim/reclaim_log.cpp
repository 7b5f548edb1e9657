// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/reclaim_log.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <string>

#include "base/text.hpp"
#include "base/units.hpp"

namespace cgmm::daemon {
namespace {

std::string_view words_for(core::StoppedBy stopped_by) {
  switch (stopped_by) {
    case core::StoppedBy::nothing_left:
      return "the kernel found no more";
    case core::StoppedBy::pressure:
      return "left early, its tasks waited for memory";
    case core::StoppedBy::timeout:
      return "left early, it took too long";
    default:
      return core::to_string(stopped_by);
  }
}

/// ": usage 812.0 MiB -> 748.0 MiB"; "" where it is not known.
std::string usage_in_words(const core::Reclaim& reclaim) {
  const auto before = reclaim.before[core::Gauge::usage];
  const auto after = reclaim.after ? (*reclaim.after)[core::Gauge::usage] : std::nullopt;
  return before && after ? ": usage " + base::format_bytes(*before) + " -> " + base::format_bytes(*after) : "";
}

}  // namespace

void log_reclaim(const core::Reclaim& reclaim, const std::string& name) {
  const std::string cache = base::format_bytes(core::reclaimable_cache_bytes(reclaim.before));
  const std::string threshold = base::format_bytes(reclaim.threshold_bytes);
  if (reclaim.outcome == core::ReclaimOutcome::dry_run) {
    const std::string most = base::format_bytes(reclaim.requested_bytes.value_or(0));
    spdlog::info("would reclaim {} from {}: cache {}, threshold {} (dry run)", most, name, cache, threshold);
    return;
  }
  const std::string freed = reclaim.freed_bytes ? base::format_bytes(*reclaim.freed_bytes) : "an unknown amount";
  const std::string duration = base::format_duration_us(reclaim.duration_us.value_or(0));
  const std::string was = "cache was " + cache + ", threshold " + threshold;
  if (reclaim.outcome == core::ReclaimOutcome::done || reclaim.outcome == core::ReclaimOutcome::partial) {
    const bool says_why = reclaim.outcome == core::ReclaimOutcome::partial && reclaim.stopped_by;
    spdlog::info("reclaimed {} from {} in {}{}{} ({})", freed, name, duration, usage_in_words(reclaim),
                 says_why ? fmt::format("; {}", words_for(*reclaim.stopped_by)) : "", was);
    return;
  }
  spdlog::log(reclaim.outcome == core::ReclaimOutcome::failed ? spdlog::level::warn : spdlog::level::info,
              "reclaim of {}: {}, freed {} in {} ({}){}", name, core::to_string(reclaim.outcome), freed, duration, was,
              reclaim.error.empty() ? "" : ": " + base::escape_for_terminal(reclaim.error));
}

std::string error_of(const core::Reclaim& reclaim, const core::Progress& progress, const char* reclaim_file) {
  if (reclaim.step_count == 0 && reclaim.stopped_by == core::StoppedBy::stop) {
    return "the service stopped before the kernel was asked";
  }
  if (reclaim.stopped_by != core::StoppedBy::error) return "";
  if (progress.answer) return std::string(reclaim_file) + ": " + progress.answer.message();
  return "memory.stat could not be read after a step";
}

void tell_of_all(std::error_code because) {
  static std::atomic<bool> is_told{false};
  if (!because || is_told.exchange(true)) return;
  spdlog::warn("reclaims drop all the cache that they can, reclaim_to has no effect: timer_create: {}",
               because.message());
}

}  // namespace cgmm::daemon
