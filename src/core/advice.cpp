// SPDX-License-Identifier: Apache-2.0
#include "core/advice.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/text.hpp"
#include "base/units.hpp"
#include "core/glob.hpp"
#include "core/workload.hpp"

namespace cgmm::core {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

// One or two reclaims may be an exception (a backup, a start). Three are a pattern: with the default cooldown they
// take minutes.
constexpr std::int64_t kEnoughJudged = 3;
// The advised threshold is a quarter above the largest cache on record, because the need varies. A lower one would be
// reached by the next peak; a much higher one would never be reached.
constexpr std::uint64_t kRoomDivisor = 4;
// Above this share of the limit the kernel reclaims by itself first: a threshold there would have no effect.
constexpr std::uint64_t kTooNearToLimitPct = 90;
// If so little is read back, less cache would do. A tenth of what counts as churn.
constexpr std::uint64_t kNextToNothingPct = 5;
// A small container maps this much of its program and libraries. Dropping that gains nothing.
constexpr std::uint64_t kLeastThreshold = 16 * kMiB;

// Memory kept free, reading again and the time of reclaiming are compared as byte·seconds. A second of reclaiming keeps
// a processor and often a disk busy; that much of both costs about as much as 10 MiB of memory for an hour.
constexpr double kReclaimingSecond = 10.0 * 3600 * kMiB;
// A rule that brings less is not worth reading.
constexpr double kLeastGain = 1.0 * 3600 * kMiB;

double cost_of(const ReclaimEvidence& evidence, std::int64_t worth_us) {
  const double worth_s = static_cast<double>(worth_us) / base::kSecond_us;
  const double reclaiming_s = static_cast<double>(evidence.reclaiming_us) / base::kSecond_us;
  return static_cast<double>(evidence.refaulted_bytes) * worth_s + reclaiming_s * kReclaimingSecond;
}

std::string byte_hours(double byte_seconds) {
  return base::format_bytes(static_cast<std::uint64_t>(std::clamp(byte_seconds / 3600, 0.0, 1e19))) + "·h";
}

/// "300.0 MiB read again and 1.2 s of reclaiming".
std::string cost_in_words(const ReclaimEvidence& evidence) {
  return base::format_bytes(evidence.refaulted_bytes) + " read again and " +
         base::format_duration_us(evidence.reclaiming_us) + " of reclaiming";
}

/// "Over another 7 days".
std::string over_another(const ReclaimEvidence& evidence) {
  return "Over another " + base::span_in_words(evidence.window_us);
}

std::int64_t judged_count(const ReclaimEvidence& evidence) {
  return evidence.effective_count + evidence.churn_count + evidence.futile_count;
}

std::string reclaims_of(const ReclaimEvidence& evidence) {
  return std::to_string(judged_count(evidence)) + " reclaims at the threshold of " +
         base::format_bytes(evidence.threshold_bytes);
}

std::string read_again(const ReclaimEvidence& evidence) {
  return base::format_bytes(evidence.refaulted_bytes) + " of the " + base::format_bytes(evidence.freed_bytes) +
         " that was freed (" + in_percent(evidence.refaulted_bytes, evidence.freed_bytes) + ") was read back";
}

std::string did_not_help(const ReclaimEvidence& evidence) {
  const std::string reclaims = " of the " + reclaims_of(evidence);
  std::string text = evidence.effective_count == 0
                         ? "None" + reclaims + " helped: "
                         : std::to_string(evidence.churn_count + evidence.futile_count) + reclaims + " did not help: ";
  if (evidence.freed_bytes > 0) text += read_again(evidence);
  if (evidence.futile_count > 0) {
    const bool all = evidence.futile_count == judged_count(evidence);
    text += (evidence.freed_bytes > 0 ? ", and " : "") + (all ? "all" : std::to_string(evidence.futile_count)) +
            " freed almost nothing";
  }
  if (!evidence.cache_wanted_bytes) return text;
  return text + "; its cache was up to " + base::format_bytes(*evidence.cache_wanted_bytes);
}

/// The smallest threshold that leaves the cgroup the cache that it needs; nullopt if it would overflow.
std::optional<std::uint64_t> threshold_above(std::uint64_t cache_bytes) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());  // that a size may be
  if (cache_bytes > kLargest / 2) return std::nullopt;
  return (cache_bytes + cache_bytes / kRoomDivisor + kMiB - 1) / kMiB * kMiB;
}

bool fits(std::uint64_t threshold_bytes, std::optional<std::uint64_t> limit_bytes) {
  return !limit_bytes || threshold_bytes < *limit_bytes / 100 * kTooNearToLimitPct;
}

/// To be left alone: saves what was read again and the time, gives up what stayed free.
std::optional<Advice> spare_it(const ReclaimEvidence& evidence, std::int64_t worth_us) {
  if (!evidence.cache_wanted_bytes) return std::nullopt;
  if (cost_of(evidence, worth_us) - evidence.held_byte_seconds < kLeastGain) return std::nullopt;
  const std::string gain = ". " + over_another(evidence) + ", that saves " + cost_in_words(evidence) +
                           ", and gives up " + byte_hours(evidence.held_byte_seconds) + " kept free.";
  const auto raised = threshold_above(*evidence.cache_wanted_bytes);
  if (!raised || !fits(*raised, evidence.effective_limit_bytes)) {
    const std::string limit = evidence.effective_limit_bytes
                                  ? ", and a threshold above that is too near to its limit of " +
                                        base::format_bytes(*evidence.effective_limit_bytes)
                                  : "";
    return Advice{AdviceKind::exclude, 0, did_not_help(evidence) + limit + gain, evidence.path, evidence.workload};
  }
  if (*raised <= evidence.threshold_bytes) return std::nullopt;
  return Advice{AdviceKind::raise_threshold, *raised, did_not_help(evidence) + gain, evidence.path, evidence.workload};
}

/// As many reclaims, each of which also takes what is between the two thresholds, and costs as much again.
std::optional<Advice> take_more(const ReclaimEvidence& evidence, std::int64_t worth_us) {
  const std::uint64_t lowered = std::max(evidence.threshold_bytes / 2 / kMiB * kMiB, kLeastThreshold);
  if (lowered >= evidence.threshold_bytes) return std::nullopt;
  const double held_s = evidence.held_byte_seconds / static_cast<double>(evidence.freed_bytes);
  const double more_bytes =
      static_cast<double>(evidence.threshold_bytes - lowered) * static_cast<double>(evidence.effective_count);
  const double gain = more_bytes * held_s;
  if (gain - cost_of(evidence, worth_us) < kLeastGain) return std::nullopt;
  return Advice{AdviceKind::lower_threshold, lowered,
                "All of the " + reclaims_of(evidence) + " were effective: only " + read_again(evidence) + ". " +
                    over_another(evidence) + ", that may keep another " + byte_hours(gain) + " free, for another " +
                    cost_in_words(evidence) + ".",
                evidence.path, evidence.workload};
}

/// The reclaimable cache at which the cgroup is reclaimed; nullopt: never.
std::optional<std::uint64_t> threshold_in_force(const ReclaimSettings& settings, const ReclaimEvidence& evidence) {
  return settings.reclaim ? settings.threshold.bytes(evidence.effective_limit_bytes) : std::nullopt;
}

/// Whether a rule with that threshold is valid and leaves something to reclaim.
bool is_over_target(std::uint64_t threshold_bytes, ReclaimSettings settings, const ReclaimEvidence& evidence) {
  settings.threshold = Threshold::of_bytes(threshold_bytes);
  return target_bytes(evidence.effective_limit_bytes, settings) < threshold_bytes;
}

/// A TOML basic string. Beyond what TOML requires, it escapes terminal control characters and the begin of a tag in a
/// document.
std::string toml_string(std::string_view valid_utf8) {
  std::string text = "\"";
  for (std::size_t at = 0; at < valid_utf8.size();) {
    const base::Decoded decoded = base::decode_utf8(valid_utf8, at);
    const std::string_view bytes = valid_utf8.substr(at, decoded.length);
    at += decoded.length;
    if (bytes == "\"" || bytes == "\\") {
      text.append("\\").append(bytes);
    } else if (bytes == "<" || bytes == ">" || base::escape_for_terminal(bytes) != bytes) {
      std::array<char, 16> escape{};  // TOML takes it for every character up to U+FFFF
      std::snprintf(escape.data(), escape.size(), "\\u%04X", static_cast<unsigned>(decoded.code_point.value_or(U'?')));
      text += escape.data();
    } else {
      text += bytes;
    }
  }
  return text + "\"";
}

}  // namespace

std::optional<Advice> advise(const ReclaimEvidence& evidence, std::int64_t worth_us) {
  const std::int64_t judged = judged_count(evidence);
  if (judged < kEnoughJudged) return std::nullopt;
  if (2 * (evidence.churn_count + evidence.futile_count) > judged) return spare_it(evidence, worth_us);
  const bool all_stays_free = evidence.effective_count == judged && evidence.regrown_count == 0 &&
                              evidence.freed_bytes > 0 &&
                              static_cast<double>(evidence.refaulted_bytes) * 100 <
                                  static_cast<double>(evidence.freed_bytes) * static_cast<double>(kNextToNothingPct);
  return all_stays_free ? take_more(evidence, worth_us) : std::nullopt;
}

std::optional<Advice> advise(const ReclaimEvidence& evidence, const Policy& policy) {
  std::optional<Advice> advice = advise(evidence, policy.learning.worth_us);
  const ReclaimSettings settings = policy.settings_for(evidence.path, evidence.workload);
  const auto threshold_bytes = threshold_in_force(settings, evidence);
  if (!advice || !threshold_bytes) return std::nullopt;
  if (advice->kind == AdviceKind::exclude) return advice;
  const bool goes_further = advice->kind == AdviceKind::raise_threshold ? advice->threshold_bytes > *threshold_bytes
                                                                        : advice->threshold_bytes < *threshold_bytes;
  if (!goes_further || !is_over_target(advice->threshold_bytes, settings, evidence)) return std::nullopt;
  if (const Rule* const rule = policy.rule_for(evidence.path, evidence.workload))
    advice->cooldown_us = rule->cooldown_us;
  return advice;
}

bool spares(const Policy& policy, const ReclaimEvidence& evidence) {
  const auto threshold_bytes = threshold_in_force(policy.settings_for(evidence.path, evidence.workload), evidence);
  if (!threshold_bytes) return true;
  const auto advice = advise(evidence, policy.learning.worth_us);
  return advice && advice->kind == AdviceKind::raise_threshold && *threshold_bytes >= advice->threshold_bytes;
}

std::string why_no_advice(const ReclaimEvidence& evidence, const Policy* policy) {
  if (!only_churns(evidence) && !frees_nothing(evidence)) return "";
  const std::int64_t worth_us = policy != nullptr ? policy->learning.worth_us : Learning{}.worth_us;
  const bool has_advice = (policy != nullptr ? advise(evidence, *policy) : advise(evidence)).has_value();
  if (has_advice || (policy != nullptr && spares(*policy, evidence))) return "";
  const std::string no_rule = did_not_help(evidence) + ". No rule is advised: ";
  if (!evidence.cache_wanted_bytes) return no_rule + "how much cache it needs is not known.";
  if (cost_of(evidence, worth_us) - evidence.held_byte_seconds < kLeastGain)
    return no_rule + "over another " + base::span_in_words(evidence.window_us) + ", one that leaves it alone saves " +
           cost_in_words(evidence) + ", and gives up " + byte_hours(evidence.held_byte_seconds) +
           " kept free. That is not worth a rule.";
  if (const auto advice = advise(evidence, worth_us))
    return no_rule + "a threshold of " + base::format_bytes(advice->threshold_bytes) + " is not over reclaim_to.";
  return no_rule + "its threshold is over that already.";
}

bool only_churns(const ReclaimEvidence& evidence) {
  return evidence.churn_count > 0 && evidence.effective_count == 0 && judged_count(evidence) >= kEnoughJudged;
}

bool frees_nothing(const ReclaimEvidence& evidence) {
  return evidence.futile_count == judged_count(evidence) && evidence.futile_count >= kEnoughJudged;
}

std::string in_percent(std::uint64_t part, std::uint64_t whole) {
  const double pct = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  if (part > 0 && pct < 1) return "under 1 %";
  return std::to_string(part < whole ? std::min(std::llround(pct), 99LL) : 100) + " %";
}

std::string in_words(const Advice& advice, std::string_view name) {
  if (advice.kind == AdviceKind::exclude) {
    return "exclude " + std::string(name.empty() ? "it" : name) + " from reclaim";
  }
  const std::string whose = name.empty() ? "" : " of " + std::string(name);
  return (advice.kind == AdviceKind::raise_threshold ? "raise" : "lower") + (" the threshold" + whose) + " to " +
         std::to_string(advice.threshold_bytes / kMiB) + " MiB";
}

std::string rule_of(const Advice& advice) {
  const std::string setting = advice.kind == AdviceKind::exclude
                                  ? "reclaim = false"
                                  : "threshold = \"" + std::to_string(advice.threshold_bytes / kMiB) + "MiB\"";
  const std::string cooldown =
      advice.cooldown_us ? "cooldown = \"" + base::duration_setting(*advice.cooldown_us) + "\"\n" : "";
  const bool is_by_name = has_names(advice.workload);
  return std::string("[[rule]]\n") + (is_by_name ? "workload" : "cgroup") + " = " +
         toml_string(glob_of(is_by_name ? advice.workload : advice.path)) + "\n" + setting + "\n" + cooldown;
}

}  // namespace cgmm::core
