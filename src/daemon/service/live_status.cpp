// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/live_status.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::string_view kFirstLine = "cgroup-memory-manager\tstatus";
constexpr std::size_t kMaxWords_bytes = 1000;  // of one fault; systemd takes 4 KiB a message
constexpr std::size_t kMaxLine_bytes = 2000;

using SeenScan = RecordQueue::SeenScan;
using Progress = RecordQueue::Progress;

constexpr std::array<std::pair<std::string_view, std::int64_t SeenScan::*>, 6> kScanFields = {
    {{"last_scan_at_us", &SeenScan::started_at_us},
     {"last_scan_duration_us", &SeenScan::duration_us},
     {"last_scan_late_us", &SeenScan::late_us},
     {"interval_us", &SeenScan::interval_us},
     {"cgroup_count", &SeenScan::cgroup_count},
     {"error_count", &SeenScan::error_count}}};
constexpr std::array<std::pair<std::string_view, std::int64_t Progress::*>, 3> kProgressFields = {
    {{"scans_made_count", &Progress::scans_made_count},
     {"scans_recorded_count", &Progress::scans_recorded_count},
     {"waiting_count", &Progress::waiting_count}}};
constexpr std::array<std::pair<std::string_view, std::int64_t LiveStatus::*>, 3> kNumbers = {
    {{"pid", &LiveStatus::pid},
     {"started_at_us", &LiveStatus::started_at_us},
     {"in_cooldown_count", &LiveStatus::in_cooldown_count}}};
constexpr std::array<std::pair<std::string_view, std::string LiveStatus::*>, 4> kWords = {
    {{"version", &LiveStatus::version},
     {"sampler", &LiveStatus::sampler},
     {"reclaimer", &LiveStatus::reclaimer},
     {"recorder", &LiveStatus::recorder}}};

/// At most so many bytes, cut between two characters.
std::string shortened(std::string text, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return text;
  std::size_t end = most_bytes - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\\\";
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else out += c;
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
  }
  return out;
}

/// Up to the separator, which is taken away with it; all that is left where there is none.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

template <class Fields, class Target>
bool take_number(const Fields& fields, std::string_view name, std::string_view value, Target& target) {
  const auto found = std::ranges::find(fields, name, [](const auto& field) { return field.first; });
  const auto number = number_in(value);
  if (found == fields.end() || !number) return false;
  target.*found->second = *number;
  return true;
}

void take_line(std::string_view name, std::string_view value, LiveStatus& status, SeenScan& scan) {
  if (take_number(kNumbers, name, value, status) || take_number(kProgressFields, name, value, status.progress) ||
      take_number(kScanFields, name, value, scan)) {
    return;
  }
  if (name == "last_scan_age_us") status.last_scan_age_us = number_in(value);
  if (name == "fault") {
    RecordQueue::Fault fault;
    fault.name = unescaped(take_until(value, '\t'));
    fault.began_at_us = number_in(take_until(value, '\t')).value_or(0);
    fault.detail = unescaped(value);
    status.faults.push_back(std::move(fault));
  }
  const auto words = std::ranges::find(kWords, name, [](const auto& field) { return field.first; });
  if (words != kWords.end()) status.*words->second = unescaped(value);
}

std::string count_of(std::int64_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string scans_in_words(const LiveStatus& status, bool with_age) {
  if (!status.progress.last_scan) return "no scan yet";
  const SeenScan& scan = *status.progress.last_scan;
  std::string text =
      count_of(scan.cgroup_count, "cgroup") + ", last scan " + base::format_duration_us(scan.duration_us);
  if (with_age && status.last_scan_age_us)
    text += ", ended " + base::format_duration_us(*status.last_scan_age_us) + " ago";
  if (scan.error_count > 0) text += ", " + std::to_string(scan.error_count) + " can't be read";
  return text + ", " + std::to_string(status.in_cooldown_count) + " in cooldown";
}

}  // namespace

std::string to_text(const LiveStatus& status) {
  std::string text{kFirstLine};
  text += '\n';
  const auto add = [&](std::string_view name, const std::string& value) {
    text.append(name).append("\t").append(value).append("\n");
  };
  for (const auto& [name, field] : kWords) add(name, escaped(status.*field));
  for (const auto& [name, field] : kNumbers) add(name, std::to_string(status.*field));
  for (const auto& [name, field] : kProgressFields) add(name, std::to_string(status.progress.*field));
  if (status.progress.last_scan) {
    for (const auto& [name, field] : kScanFields) add(name, std::to_string((*status.progress.last_scan).*field));
  }
  if (status.last_scan_age_us) add("last_scan_age_us", std::to_string(*status.last_scan_age_us));
  for (const RecordQueue::Fault& fault : status.faults) {
    add("fault", escaped(fault.name) + "\t" + std::to_string(fault.began_at_us) + "\t" +
                     escaped(shortened(fault.detail, kMaxWords_bytes)));
  }
  return text;
}

std::optional<LiveStatus> parse_live_status(std::string_view text) {
  if (take_until(text, '\n') != kFirstLine) return std::nullopt;
  LiveStatus status;
  SeenScan scan;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    const std::string_view name = take_until(line, '\t');
    take_line(name, line, status, scan);
  }
  if (status.last_scan_age_us) status.progress.last_scan = scan;
  return status;
}

/// Without a word on the last scan's age: it says the same until the next one.
std::string in_one_line(const LiveStatus& status) {
  std::string text = scans_in_words(status, /*with_age=*/false);
  for (const RecordQueue::Fault& fault : status.faults) text += "; fault: " + shortened(fault.detail, kMaxWords_bytes);
  return shortened(base::escape_for_terminal(text), kMaxLine_bytes);
}

std::vector<std::string> in_lines(const LiveStatus& status) {
  const Progress& progress = status.progress;
  const std::string scans = scans_in_words(status, /*with_age=*/true) + "; " +
                            count_of(progress.scans_made_count, "scan") + " made, " +
                            std::to_string(progress.scans_recorded_count) + " recorded";
  std::vector<std::string> lines{"status: " + scans};
  lines.push_back("status: sampler: " + status.sampler + "; reclaimer: " + status.reclaimer +
                  "; recorder: " + status.recorder);
  for (const RecordQueue::Fault& fault : status.faults) {
    lines.push_back("status: fault " + fault.name + " since " + base::format_utc(fault.began_at_us) + ": " +
                    shortened(fault.detail, kMaxWords_bytes));
  }
  if (status.faults.empty()) lines.emplace_back("status: no fault");
  for (std::string& line : lines) line = base::escape_for_terminal(line);
  return lines;
}

}  // namespace cgmm::daemon
