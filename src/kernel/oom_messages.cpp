// SPDX-License-Identifier: Apache-2.0
#include "kernel/oom_messages.hpp"

#include <algorithm>
#include <utility>

#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

using core::Gauge;
using core::LoggedKill;
using core::OomScope;

constexpr std::size_t kMaxPids = 65'536;  // for counting processes once
constexpr std::size_t kMaxKeys = 256;     // a memory.stat has 60
// The longest time between two lines of one group kill. A slow console delays them.
constexpr std::int64_t kGroupGapUs = 2'000'000;
constexpr std::int64_t kSameKillUs = 1'000'000;

void set_whole_path(std::string& path, std::string_view text) {
  if (is_whole_path(text)) path = text;
}

}  // namespace

std::optional<LoggedKill> OomParser::take(const LogRecord& record) {
  if (record.priority >> 3 != 0) return std::nullopt;  // written by user space, which can forge everything else
  const std::string_view text = std::string_view(record.text).substr(0, kMaxLogText);
  const OomMessage message = message_of(text);
  if (message == OomMessage::other) {
    if (is_fragment(record)) {
      line_.append(text.substr(0, kMaxLogText - line_.size()));
      event_.kill.sequence = record.sequence;
    } else if (event_.in_stats && !record.continued) {
      take_stats(text);
    }
    return std::nullopt;
  }

  close_line();
  event_.in_stats = false;
  if (message == OomMessage::killed) return take_killed(record, *parse_process(text, kKilled));
  if (message == OomMessage::chosen) return take_chosen(record, *parse_process(text, kKill));
  if (message == OomMessage::skipped) {
    if (!event_.killed) event_ = Event{};  // else it belongs to the group
    return std::nullopt;
  }
  std::optional<LoggedKill> done;
  if (begins_event(message)) done = finish();
  note(record);
  begin_line(message, text);
  return done;
}

/// Whether the message can't belong to the current event.
bool OomParser::begins_event(OomMessage message) const {
  if (message == OomMessage::invoked) return true;
  if (message == OomMessage::group) return event_.group;
  return event_.killed || (message == OomMessage::oom_kill && event_.chosen_pid);
}

/// Lines with a path are handled when they are complete.
void OomParser::begin_line(OomMessage message, std::string_view text) {
  if (message == OomMessage::invoked) return;
  if (message == OomMessage::usage) {
    event_.usages[std::string(text.substr(0, text.find(':')))] = parse_usage(text);
    return;
  }
  event_.in_stats = message == OomMessage::stats;
  event_.group = event_.group || message == OomMessage::group;
  line_message_ = message;
  line_ = text;
}

/// Whether the record continues the current line. From Linux 4.9 on, fragments are marked. Before, the record can also
/// be the begin of another line: then it is a known message.
bool OomParser::is_fragment(const LogRecord& record) const {
  if (line_.size() >= kMaxLogText) return false;
  switch (line_message_) {
    case OomMessage::oom_kill:
      return record.continued && !tail_of(line_);
    case OomMessage::group:
      return record.continued && !line_.ends_with(kGroupEnd);
    case OomMessage::task_in:
      // Linux 3.15 to 4.x begin a new record within the line.
      return record.continued || (record.text.starts_with(kLimitOf) && line_.find(kLimitOf) == std::string::npos);
    case OomMessage::limit_reached:
    case OomMessage::stats:
      return record.continued;
    default:
      return false;
  }
}

/// Handles the current line: no more fragments will come.
void OomParser::close_line() {
  const std::string line = std::exchange(line_, {});
  switch (std::exchange(line_message_, OomMessage::other)) {
    case OomMessage::task_in:
      event_.task_in = line;
      event_.scope = OomScope::cgroup;
      break;
    case OomMessage::limit_reached:
      event_.scope = OomScope::cgroup;
      set_whole_path(event_.kill.limit_path, std::string_view(line).substr(kLimitReached.size()));
      break;
    case OomMessage::stats:
      take_stats_line(line);
      break;
    case OomMessage::oom_kill:
      event_.oom_kill = line;
      event_.scope = scope_of_constraint(line);
      if (const auto tail = tail_of(line)) {
        event_.chosen_pid = tail->pid;
        event_.chosen_uid = tail->uid;
      }
      break;
    case OomMessage::group:
      if (!line.ends_with(kGroupEnd)) break;
      set_whole_path(event_.kill.group_path,
                     std::string_view(line).substr(kTasksIn.size(), line.size() - kTasksIn.size() - kGroupEnd.size()));
      break;
    default:
      break;
  }
}

/// Notes that the record belongs to the event.
void OomParser::note(const LogRecord& record) {
  event_.kill.sequence = record.sequence;
  event_.at_us = record.at_us;
}

std::optional<LoggedKill> OomParser::take_chosen(const LogRecord& record, const OomProcess& chosen) {
  std::optional<LoggedKill> done;
  if (event_.killed || (event_.chosen_pid && event_.chosen_pid != chosen.pid) ||
      (event_.scope && event_.scope != chosen.scope)) {
    done = finish();
  }
  event_.scope = chosen.scope;
  event_.chosen_pid = chosen.pid;
  event_.chosen_told = true;
  note(record);
  return done;
}

/// Whether this "Killed process" line belongs to the current event.
bool OomParser::belongs(const LogRecord& record, const OomProcess& killed) const {
  if (killed.scope && event_.scope && killed.scope != event_.scope) return false;
  if (event_.killed) return event_.group && record.at_us - event_.at_us <= kGroupGapUs;
  if (!event_.chosen_pid || event_.chosen_pid == killed.pid || event_.chosen_told) return true;
  // Either a kill without a dump, after a dump whose victim was exiting; or another thread of the victim.
  const auto tail = tail_of(event_.oom_kill);
  return tail && tail->before.ends_with(",task=" + std::string(killed.comm)) &&
         record.at_us - event_.at_us <= kSameKillUs;
}

std::optional<LoggedKill> OomParser::take_killed(const LogRecord& record, const OomProcess& killed) {
  std::optional<LoggedKill> done;
  if (!belongs(record, killed)) done = finish();
  LoggedKill& kill = event_.kill;
  if (!event_.killed) {
    event_.killed = true;
    if (!event_.scope) event_.scope = killed.scope;
    kill.logged_at_us = record.at_us;
    kill.victim_pid = killed.pid;
    kill.victim_comm = killed.comm;
    kill.victim_uid = killed.uid;
    if (!kill.victim_uid && event_.chosen_pid == killed.pid) kill.victim_uid = event_.chosen_uid;
    kill.anon_rss_bytes = bytes_of_kib(number_after(killed.sizes, " anon-rss:"));
    kill.file_rss_bytes = bytes_of_kib(number_after(killed.sizes, " file-rss:"));
    kill.shmem_rss_bytes = bytes_of_kib(number_after(killed.sizes, " shmem-rss:"));
    kill.counted_count = 0;
    kill.process_count = 0;
  }
  ++kill.counted_count;
  if (event_.pids.size() >= kMaxPids ? !event_.pids.contains(killed.pid) : event_.pids.insert(killed.pid).second) {
    ++kill.process_count;
  }
  note(record);
  return done;
}

void OomParser::take_stat(std::string_view key, std::uint64_t bytes, bool sum) {
  const auto known = event_.stat.find(key);
  const bool is_known = known != event_.stat.end();
  if (sum && is_known) bytes += known->second;
  if (bytes < kMostBytes && (is_known || event_.stat.size() < kMaxKeys)) {
    event_.stat.insert_or_assign(std::string(key), bytes);
  }
}

/// One key, or all of them in one record, each in a line. The end may be truncated.
void OomParser::take_stats(std::string_view text) {
  if (text.starts_with('[') || text.starts_with("Tasks state")) event_.in_stats = false;
  if (text.size() >= kMayBeCutFrom) text = text.substr(0, text.rfind('\n') + 1);
  while (!text.empty()) {
    std::string_view number = take_word(text, '\n');
    const std::string_view key = take_word(number, ' ');
    if (const auto bytes = parse_number(number)) take_stat(key, *bytes, /*sum=*/false);
  }
}

/// "Memory cgroup stats for P: cache:0KB rss:511000KB ...", one line for each cgroup of the tree, without descendants.
void OomParser::take_stats_line(std::string_view text) {
  const std::size_t begin = text.rfind(": cache:");
  if (begin == std::string_view::npos) return;
  event_.in_stats = false;
  text.remove_prefix(begin + 2);
  while (!text.empty()) {
    std::string_view number = take_word(text, ' ');
    const std::string_view key = take_word(number, ':');
    if (!number.ends_with("KB")) continue;
    number.remove_suffix(2);
    const auto bytes = bytes_of_kib(parse_number(number));
    if (bytes) take_stat(key, *bytes, /*sum=*/true);
  }
}

void OomParser::resolve_paths(LoggedKill& kill) const {
  OomPaths paths;
  if (!event_.oom_kill.empty() && event_.scope) {
    if (const auto tail = tail_of(event_.oom_kill)) {
      paths = paths_of_context(without_task(tail->before, kill.victim_comm), *event_.scope);
    }
  } else if (!event_.task_in.empty()) {
    const std::string_view text = std::string_view(event_.task_in).substr(kTaskIn.size());
    if (const auto split = split_paths(text, kLimitOf, /*limit_first=*/false)) paths = *split;
  }
  set_whole_path(kill.limit_path, paths.limit);
  set_whole_path(kill.victim_path, paths.victim);
}

std::optional<core::MemoryAtKill> OomParser::memory() const {
  const auto usage = [&](std::string_view name) {
    const auto found = event_.usages.find(name);
    return found == event_.usages.end() ? UsageAndLimit{} : found->second;
  };
  const auto stat = [&](std::string_view key) {
    const auto found = event_.stat.find(key);
    return found == event_.stat.end() ? Number{} : Number{.value = found->second};
  };
  core::MemoryAtKill memory;
  memory.gauges = v1::hierarchical(stat, "cache").value ? v1::sample_of(stat).gauges : v2::sample_of(stat).gauges;
  memory.gauges.set(Gauge::usage, usage("memory").usage_bytes);
  if (const auto bytes = usage("swap").usage_bytes) memory.gauges.set(Gauge::swap, bytes);
  // Linux 4 prints the unused v1 counters for cgroup v2 too.
  const auto kernel_bytes = usage("kmem").usage_bytes;
  const bool counted = kernel_bytes.value_or(0) > 0 || usage("memory+swap").usage_bytes.value_or(0) > 0;
  if (kernel_bytes && counted) memory.gauges.set(Gauge::kernel, kernel_bytes);
  memory.limit_bytes = usage("memory").limit_bytes;
  if (memory.gauges.size() == 0 && !memory.limit_bytes) return std::nullopt;
  return memory;
}

/// Returns the kill, if there was one, and resets the event.
std::optional<LoggedKill> OomParser::finish() {
  std::optional<LoggedKill> done;
  if (event_.killed) {
    done = std::move(event_.kill);
    done->scope = event_.scope.value_or(OomScope::cgroup);
    resolve_paths(*done);
    if (done->scope == OomScope::cgroup) done->memory = memory();
    if (done->scope == OomScope::node) done->limit_path.clear();
  }
  event_ = Event{};
  return done;
}

std::optional<LoggedKill> OomParser::flush() { return event_.killed ? lost_records() : std::nullopt; }

std::optional<LoggedKill> OomParser::lost_records() {
  close_line();
  return finish();
}

}  // namespace cgmm::kernel
