// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/live_status.hpp"

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "base/units.hpp"

namespace cgmm::daemon {

// What is missing keeps its default, so that the service and whoever asks it may be of different versions.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RecordQueue::SeenScan, started_at_us, duration_us, late_us, interval_us,
                                                cgroup_count, error_count)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RecordQueue::Progress, scans_made_count, scans_recorded_count,
                                                waiting_count)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RecordQueue::Fault, name, began_at_us, detail)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LiveStatus, version, pid, started_at_us, progress, in_cooldown_count,
                                                sampler, reclaimer, recorder, faults)

namespace {

constexpr std::size_t kMaxWords_bytes = 1000;  // of one fault; systemd takes 4 KiB a message
constexpr std::size_t kMaxLine_bytes = 2000;

/// At most so many bytes, cut between two characters.
std::string shortened(std::string text, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return text;
  std::size_t end = most_bytes - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string scans_in_words(const LiveStatus& status, bool with_age) {
  if (!status.progress.last_scan) return "no scan yet";
  const RecordQueue::SeenScan& scan = *status.progress.last_scan;
  std::string text =
      base::counted(scan.cgroup_count, "cgroup") + ", last scan " + base::format_duration_us(scan.duration_us);
  if (with_age && status.last_scan_age_us)
    text += ", ended " + base::format_duration_us(*status.last_scan_age_us) + " ago";
  if (scan.error_count > 0) text += ", " + std::to_string(scan.error_count) + " can't be read";
  return text + ", " + std::to_string(status.in_cooldown_count) + " in cooldown";
}

}  // namespace

std::string to_text(const LiveStatus& status) {
  nlohmann::json json = status;
  if (status.progress.last_scan) json["last_scan"] = *status.progress.last_scan;
  if (status.last_scan_age_us) json["last_scan_age_us"] = *status.last_scan_age_us;
  for (nlohmann::json& fault : json["faults"])
    fault["detail"] = shortened(fault["detail"].get<std::string>(), kMaxWords_bytes);
  return json.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

std::optional<LiveStatus> parse_live_status(std::string_view text) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    json.at("pid");  // what is something else than a status has none
    auto status = json.get<LiveStatus>();
    if (json.contains("last_scan")) {
      RecordQueue::SeenScan scan{};  // clang does not take get<SeenScan>() for a class inside another
      json["last_scan"].get_to(scan);
      status.progress.last_scan = scan;
    }
    if (json.contains("last_scan_age_us")) status.last_scan_age_us = json["last_scan_age_us"].get<std::int64_t>();
    return status;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

/// Without a word on the last scan's age: it says the same until the next one.
std::string in_one_line(const LiveStatus& status) {
  std::string text = scans_in_words(status, /*with_age=*/false);
  for (const RecordQueue::Fault& fault : status.faults) text += "; fault: " + shortened(fault.detail, kMaxWords_bytes);
  return shortened(base::escape_for_terminal(text), kMaxLine_bytes);
}

std::vector<std::string> in_lines(const LiveStatus& status) {
  const RecordQueue::Progress& progress = status.progress;
  std::vector<std::string> lines{
      "status: " + scans_in_words(status, /*with_age=*/true) + "; " + base::counted(progress.scans_made_count, "scan") +
          " made, " + base::grouped(progress.scans_recorded_count) + " recorded",
      "status: sampler: " + status.sampler + "; reclaimer: " + status.reclaimer + "; recorder: " + status.recorder};
  for (const RecordQueue::Fault& fault : status.faults) {
    lines.push_back("status: fault " + fault.name + " since " + base::format_utc(fault.began_at_us) + ": " +
                    shortened(fault.detail, kMaxWords_bytes));
  }
  if (status.faults.empty()) lines.emplace_back("status: no fault");
  for (std::string& line : lines) line = base::escape_for_terminal(line);
  return lines;
}

}  // namespace cgmm::daemon
