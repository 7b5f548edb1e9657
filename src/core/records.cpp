// SPDX-License-Identifier: Apache-2.0
#include "core/records.hpp"

#include <array>
#include <cstddef>

namespace cgmm::core {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 2> kMethods = {"force_empty", "memory.reclaim"};
constexpr std::array<std::string_view, 7> kOutcomes = {"started",  "done",        "partial", "failed",
                                                       "vanished", "interrupted", "dry_run"};
constexpr std::array<std::string_view, 7> kStoppedBy = {"target", "nothing_left", "pressure", "timeout",
                                                        "stop",   "vanished",     "error"};
constexpr std::array<std::string_view, 5> kVerdicts = {"effective", "churn", "futile", "failed", "unknown"};
constexpr std::array<std::string_view, 3> kJudgedBy = {"amount", "refaults", "regrowth"};
constexpr std::array<std::string_view, 5> kEndedBy = {"observe_for", "next_reclaim", "vanished", "stop", "at_once"};

template <std::size_t size, class Enum>
std::string_view word(const std::array<std::string_view, size>& words, Enum value) {
  return words.at(static_cast<std::size_t>(value));
}

}  // namespace

std::string_view to_string(ReclaimMethod method) { return word(kMethods, method); }
std::string_view to_string(ReclaimOutcome outcome) { return word(kOutcomes, outcome); }
std::string_view to_string(StoppedBy stopped_by) { return word(kStoppedBy, stopped_by); }
std::string_view to_string(Verdict verdict) { return word(kVerdicts, verdict); }
std::string_view to_string(JudgedBy judged_by) { return word(kJudgedBy, judged_by); }
std::string_view to_string(ObservationEnd ended_by) { return word(kEndedBy, ended_by); }

}  // namespace cgmm::core
