// SPDX-License-Identifier: Apache-2.0
#include "report/weekly/summary.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

using base::counted;
using base::format_bytes;
using base::format_time;
using base::grouped;

/// After "within": "5 minutes", "a minute", "30 s".
std::string within_words(std::int64_t span_us) {
  const std::string words = base::span_in_words(span_us);
  if (words == "hour") return "an hour";
  return words == "day" || words == "minute" ? "a " + words : words;
}

/// " within 5 minutes"; where some were observed for less, " while they were observed (8 s to 5 minutes)". "": not
/// known.
std::string observed_for(const Row& row) {
  const std::int64_t least_us = row.integer("observed_least_us"), most_us = row.integer("observed_most_us");
  if (most_us <= 0) return "";
  if (least_us >= most_us / 10 * 9)
    return " within " + within_words((least_us + base::kSecond_us / 2) / base::kSecond_us * base::kSecond_us);
  return " while it was observed (" + base::format_duration_us(least_us) + " to " + base::format_duration_us(most_us) +
         ")";
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

/// "A, B, C and 2 more"; "A; B; C; and 2 more". Four are all named, because "1 more" is not shorter than a name.
std::string listed(const std::vector<std::string>& items, std::string_view separator) {
  constexpr std::size_t kMostNamed = 3;
  const std::size_t named = items.size() > kMostNamed + 1 ? kMostNamed : items.size();
  std::string text;
  for (std::size_t i = 0; i < named; ++i) text += (i > 0 ? std::string(separator) + " " : "") + items[i];
  if (items.size() == named) return text;
  return text + (separator == ";" ? "; and " : " and ") + std::to_string(items.size() - named) + " more";
}

std::string when(const Row& row, const TimeAsked& asked) {
  const std::int64_t begin_at_us = row.integer("history_begins_at_us");
  const std::string end = format_time(asked.until_us);
  // The first scan may come up to one interval after the begin of the window.
  if (begin_at_us - asked.since_us > 2 * row.integer("interval_us") && begin_at_us < asked.until_us) {
    return "Since the history begins at " + format_time(begin_at_us) + (asked.up_to_now ? "," : " until " + end + ",");
  }
  if (asked.up_to_now) return "In the last " + base::span_in_words(asked.until_us - asked.since_us);
  return "From " + format_time(asked.since_us) + " to " + end;
}

/// "there was no scan"; in a window between two scans, which misses none, how far they are apart.
std::string no_scan(const Row& row) {
  if (row.cell("covered_pct") != core::Cell(100.0)) return "there was no scan.";
  return "there was no scan of all cgroups: one comes every " + base::format_duration_us(row.integer("interval_us")) +
         ".";
}

std::string coverage(const Row& row) {
  const std::int64_t scans = row.integer("scans");
  if (scans == 0) return capitalised(no_scan(row));
  const std::int64_t cgroups = row.integer("cgroups");
  std::string text =
      counted(scans, "scan") + " covered " + human_cell("covered_pct", row.cell("covered_pct")) + " of the time";
  if (const std::int64_t gaps = row.integer("gaps"); gaps > 0) text += " (" + counted(gaps, "gap") + ")";
  return text + " and saw " + (cgroups == 0 ? "no cgroup" : counted(cgroups, "cgroup")) + ".";
}

/// "freed 12.3 GiB in 4 cgroups".
std::string freed(const Row& row) {
  const std::uint64_t freed_bytes = row.bytes("freed_bytes");
  if (freed_bytes == 0) return "freed nothing";
  const std::int64_t cgroups = row.integer("cgroups_relieved");
  return "freed " + format_bytes(freed_bytes) + (cgroups > 0 ? " in " + counted(cgroups, "cgroup") : "");
}

/// A part of what was freed: what came back, or what stayed free. All 0: not known.
struct Part {
  std::int64_t reclaims = 0;      // for which it is known
  std::uint64_t freed_bytes = 0;  // by these
  std::uint64_t bytes = 0;        // of that
};

/// From the three columns of these names.
Part part_of(const Row& row, std::string_view reclaims, std::string_view freed_bytes, std::string_view bytes) {
  const Part known{row.integer(reclaims), row.bytes(freed_bytes), row.bytes(bytes)};
  return known.reclaims > 0 && known.freed_bytes > 0 ? known : Part{};
}

/// "1.0 GiB of it (25 %)".
std::string share(const Part& known, const std::string& of) {
  if (known.bytes == 0) return "nothing of " + of;
  return format_bytes(known.bytes) + " of " + of + " (" + core::in_percent(known.bytes, known.freed_bytes) + ")";
}

/// "1.0 GiB of it (25 %)"; if it is not known for all, "of the 2.0 GiB freed by the 40 that were observed, 1.0 GiB
/// (50 %)". `one` and `many` follow "the one" and "the 40".
std::string amount(const Row& row, const Part& known, const std::string& one, const std::string& many) {
  if (known.freed_bytes == row.bytes("freed_bytes")) return share(known, "it");
  const std::string those = known.reclaims == 1 ? "one " + one : grouped(known.reclaims) + " " + many;
  return "of the " + format_bytes(known.freed_bytes) + " freed by the " + those + ", " +
         (known.bytes == 0 ? "nothing"
                           : format_bytes(known.bytes) + " (" + core::in_percent(known.bytes, known.freed_bytes) + ")");
}

/// "; 1.0 GiB of it (25 %) was still free at the end of the observation (held: 7.0 GiB·h)". "": it is not known.
std::string stayed_free(const Row& row, const Part& read) {
  const Part known = part_of(row, "observed_reclaims", "observed_freed_bytes", "stayed_free_bytes");
  if (known.reclaims == 0) return "";
  const std::uint64_t held = row.bytes("held_byte_seconds");
  std::string text = amount(row, known, "that was observed", "that were observed");
  if (known.freed_bytes == read.freed_bytes && known.freed_bytes != row.bytes("freed_bytes")) {
    text = share(known, "that");
  } else if (known.freed_bytes == row.bytes("freed_bytes") && read.reclaims > 0 &&
             read.freed_bytes != known.freed_bytes) {
    text = share(known, "the " + format_bytes(known.freed_bytes));
  }
  return ". " + capitalised(text) + " was still free at the end of the observation" +
         (held > 0 ? " (held: " + human_cell("held_byte_seconds", row.cell("held_byte_seconds")) + ")" : "");
}

/// Reclaims for which it is not known, if it is known for others.
std::string untold(const Row& row) {
  const std::int64_t reclaims = row.integer("too_short_reclaims");
  const std::uint64_t freed_bytes = row.bytes("too_short_freed_bytes");
  if (reclaims == 0) return "";
  return ". Another " + (reclaims == 1 ? "one" : grouped(reclaims)) +
         (freed_bytes > 0 ? " (" + format_bytes(freed_bytes) + ")" : "") + (reclaims == 1 ? " was" : " were") +
         " observed for too short a time to tell";
}

/// "; 3.1 GiB of it (25 %) was read back within 5 minutes", and what stayed free. Reclaims that were judged by regrowth
/// count too: they are often the worst ones.
std::string came_back(const Row& row) {
  const Part read = part_of(row, "watched_reclaims", "watched_freed_bytes", "refaulted_bytes");
  const Part regrown = part_of(row, "regrowth_reclaims", "regrowth_freed_bytes", "regrown_bytes");
  const std::string within = observed_for(row);
  std::string text;
  const auto of_observed = [&](const Part& known) {
    return amount(row, known, "that was observed", "that were observed");
  };
  if (read.reclaims > 0) {
    const std::string not_told = "for which the kernel can't tell";
    text = ". " + capitalised(of_observed(read)) + " was read back" + within;
    if (regrown.reclaims > 0) text += ". " + capitalised(amount(row, regrown, not_told, not_told)) + " grew again";
  } else if (regrown.reclaims > 0) {
    text = ". The kernel can't tell what was read back, but " + of_observed(regrown) + " grew again" + within;
  }
  const std::string stayed = stayed_free(row, read);
  if (!text.empty()) return text + untold(row) + (stayed.empty() ? ". How much stayed free is not known" : stayed);
  const std::string what =
      stayed.empty() ? "how much of it was read back or stayed free" : "how much of it was read back";
  return row.integer("unknown_reclaims") > 0 ? ". It was observed for too short a time to tell " + what + stayed
                                             : ". " + capitalised(what) + " is not known" + stayed;
}

/// Without the begin "In the last 7 days".
std::string reclaims(const Row& row) {
  const std::int64_t total = row.integer("reclaims");
  const std::int64_t failed = row.integer("failed_reclaims");
  const std::int64_t dry = row.integer("dry_runs");
  const std::string would_have = "dry run would have made " + counted(dry, "reclaim") + ".";
  if (total == 0) return dry > 0 ? "a " + would_have : "no reclaim was made.";
  const std::string end = dry > 0 ? ". A " + would_have : ".";
  if (failed >= total)
    return (total == 1 ? "the only reclaim failed" : "all " + counted(total, "reclaim") + " failed") + end;
  return counted(total, "reclaim") + " " + freed(row) + (failed > 0 ? " (" + grouped(failed) + " failed)" : "") +
         (row.bytes("freed_bytes") > 0 ? came_back(row) : "") + end;
}

/// The names of the cgroups for which `holds` is true, without those that the current configuration spares.
std::vector<std::string> names_where(bool (*holds)(const core::ReclaimEvidence&), std::span<const Finding> findings,
                                     Format format) {
  std::vector<std::string> names;
  for (const Finding& finding : findings) {
    if (!finding.is_spared && holds(finding.evidence)) names.push_back(name_for(format, finding.workload));
  }
  return names;
}

std::string advice(std::span<const Finding> findings, Format format) {
  std::vector<std::string> items;
  for (const Finding& finding : findings) {
    if (finding.advice) items.push_back(core::in_words(*finding.advice, name_for(format, finding.workload)));
  }
  if (items.empty()) return "";
  return "Advice: " + listed(items, ";") + (items.size() == 1 ? " (rule below)." : " (rules below).");
}

std::string oom_kills(const Row& row) {
  const std::int64_t kills = row.integer("oom_kills");
  if (kills == 0) return row.integer("scans") == 0 ? "" : "No OOM kill was seen.";
  const std::string text = counted(kills, "OOM kill was seen.", "OOM kills were seen.");
  const std::int64_t unknown = row.integer("oom_kills_of_unknown");
  if (unknown == 0) return text;
  return text + " Of " + (unknown == kills && kills == 1 ? "it" : std::to_string(unknown)) +
         " the cgroup is not known: the kernel's log does not name it, and it can have been one of several.";
}

/// Cgroups that made no progress, and were not killed.
std::string stuck(const Row& row) {
  const std::int64_t throttled = row.integer("stuck_throttled"), under_oom = row.integer("stuck_under_oom");
  const auto times = [](std::int64_t count) { return count == 1 ? "once" : counted(count, "time"); };
  std::string text;
  if (throttled > 0) text = "A cgroup was throttled at memory.high to a near standstill " + times(throttled);
  if (under_oom > 0) {
    text += std::string(text.empty() ? "A cgroup" : ", and one") + " stood still " + times(under_oom) +
            ", out of memory with its OOM killer disabled";
  }
  return text.empty() ? "" : text + ": `incident` lists " + (throttled + under_oom == 1 ? "it." : "them.");
}

}  // namespace

std::vector<std::string> summary_sentences(const core::Table& summary_row, std::span<const Finding> findings,
                                           const TimeAsked& asked, Format format) {
  const Row row(summary_row);
  std::string first = when(row, asked);
  std::vector<std::string> sentences;
  if (row.integer("scans") == 0 && row.integer("reclaims") == 0 && row.integer("dry_runs") == 0) {
    sentences = {first + (first.ends_with(',') ? " " : ", ") + no_scan(row), oom_kills(row), stuck(row)};
  } else {
    const auto churners = names_where(core::only_churns, findings, format);
    const auto futile_ones = names_where(core::frees_nothing, findings, format);
    const std::string these = churners.size() == 1 ? "This cgroup only churns: " : "These cgroups only churn: ";
    sentences = {first + " " + reclaims(row),
                 oom_kills(row),
                 stuck(row),
                 churners.empty() ? "" : these + listed(churners, ",") + ".",
                 futile_ones.empty() ? "" : "Reclaiming frees almost nothing in: " + listed(futile_ones, ",") + ".",
                 advice(findings, format),
                 coverage(row)};
  }
  std::erase(sentences, "");
  return sentences;
}

std::string summary_sentence(const core::Table& summary_row, std::span<const Finding> findings, const TimeAsked& asked,
                             Format format) {
  std::string text;
  for (const std::string& sentence : summary_sentences(summary_row, findings, asked, format)) {
    text += (text.empty() ? "" : " ") + sentence;
  }
  return text;
}

}  // namespace cgmm::report
