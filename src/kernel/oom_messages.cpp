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
constexpr std::int64_t kSysrqUs = 10'000'000;          // a worker of the kernel does it as soon as it can
constexpr std::uint64_t kAtItsLimitBytes = 64 * 1024;  // so near, a limit is hit

/// The line that ends a kill tells less of what ran out than the one that begins it.
bool are_of_one_kind(const std::optional<OomScope>& a, const std::optional<OomScope>& b) {
  return !a || !b || is_of_cgroup(*a) == is_of_cgroup(*b);
}

void set_whole_path(std::string& path, std::string_view text) {
  if (is_whole_path(text)) path = text;
}

}  // namespace

std::optional<LoggedKill> OomParser::take(const LogRecord& record) {
  if (record.priority >> 3 != 0) return std::nullopt;  // written by user space, which can forge everything else
  const std::string_view text = std::string_view(record.text).substr(0, kMaxLogText);
  const OomMessage message = message_of(text);
  if (message == OomMessage::other) {
    take_other(record, text);
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

void OomParser::take_other(const LogRecord& record, std::string_view text) {
  if (is_fragment(record)) {
    line_.append(text.substr(0, kMaxLogText - line_.size()));
    event_.kill.sequence = record.sequence;
  } else if (is_asked_by_sysrq(text)) {
    sysrq_at_us_ = record.at_us;
  } else if (!record.continued) {
    if (event_.in_stats) take_stats(text);
    if (!event_.asked || event_.killed) return;
    event_.dump.take(text);
    if (event_.cpuset_nodes.empty()) event_.cpuset_nodes = cpuset_nodes_of(text);
  }
}

/// Whether the message can't belong to the current event.
bool OomParser::begins_event(OomMessage message) const {
  if (message == OomMessage::invoked) return true;
  if (message == OomMessage::group) return event_.group;
  return event_.killed || (message == OomMessage::oom_kill && event_.chosen.pid);
}

/// Lines with a path are handled when they are complete.
void OomParser::begin_line(OomMessage message, std::string_view text) {
  if (message == OomMessage::invoked) return take_invoked(text);
  if (message == OomMessage::usage) {
    event_.usages[std::string(text.substr(0, text.find(':')))] = parse_usage(text);
    return;
  }
  event_.in_stats = message == OomMessage::stats;
  event_.group = event_.group || message == OomMessage::group;
  line_message_ = message;
  line_ = text;
}

/// On older kernels the line of a kill by SysRq looks like any other.
void OomParser::take_invoked(std::string_view text) {
  event_.asked = parse_invoked(text);
  const auto asked_at_us = std::exchange(sysrq_at_us_, std::nullopt);
  if (asked_at_us && event_.at_us - *asked_at_us <= kSysrqUs && text.starts_with("kworker/"))
    event_.asked->by_sysrq = true;
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
        const std::string_view before = without_task(tail->before, "");
        event_.chosen = {.pid = tail->pid, .comm = {}, .uid = tail->uid};
        if (!before.empty()) event_.chosen.comm = tail->before.substr(before.size() + kTask.size());
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
  if (event_.killed || (event_.chosen.pid && event_.chosen.pid != chosen.pid) ||
      !are_of_one_kind(event_.scope, chosen.scope)) {
    done = finish();
  }
  if (!event_.scope) event_.scope = chosen.scope;
  event_.chosen.pid = chosen.pid;
  event_.chosen.comm = chosen.comm;
  event_.chosen.is_told = true;
  note(record);
  return done;
}

/// Whether this "Killed process" line belongs to the current event.
bool OomParser::belongs(const LogRecord& record, const OomProcess& killed) const {
  if (!are_of_one_kind(killed.scope, event_.scope)) return false;
  if (event_.killed) return event_.group && record.at_us - event_.at_us <= kGroupGapUs;
  if (!event_.chosen.pid || event_.chosen.pid == killed.pid || event_.chosen.is_told) return true;
  // Either a kill without a dump, after a dump whose victim was exiting; or another thread of the victim.
  const auto tail = tail_of(event_.oom_kill);
  return tail && tail->before.ends_with(",task=" + std::string(killed.comm)) &&
         record.at_us - event_.at_us <= kSameKillUs;
}

std::optional<LoggedKill> OomParser::take_killed(const LogRecord& record, const OomProcess& killed) {
  std::optional<LoggedKill> done;
  if (!belongs(record, killed)) {
    if (!event_.killed && event_.chosen.pid == killed.pid) event_ = Event{};  // it was not killed then
    done = finish();
  }
  LoggedKill& kill = event_.kill;
  if (!event_.killed) {
    event_.killed = true;
    if (!event_.scope) event_.scope = killed.scope;
    kill.logged_at_us = record.at_us;
    kill.victim_pid = killed.pid;
    kill.victim_comm = killed.comm;
    kill.victim_uid = killed.uid;
    if (!kill.victim_uid && event_.chosen.pid == killed.pid) kill.victim_uid = event_.chosen.uid;
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

UsageAndLimit OomParser::usage(std::string_view name) const {
  const auto found = event_.usages.find(name);
  return found == event_.usages.end() ? UsageAndLimit{} : found->second;
}

/// cgroup v1: memory and swap together are nearer to their limit than memory is to its own.
bool OomParser::has_hit_memory_and_swap() const {
  const UsageAndLimit memory = usage("memory"), both = usage("memory+swap");
  if (!memory.usage_bytes || !both.usage_bytes || !both.limit_bytes || both.fail_count == 0U) return false;
  const std::uint64_t left = *both.limit_bytes - std::min(*both.usage_bytes, *both.limit_bytes);
  if (!memory.limit_bytes) return true;
  const std::uint64_t memory_left = *memory.limit_bytes - std::min(*memory.usage_bytes, *memory.limit_bytes);
  return memory_left > kAtItsLimitBytes && left < memory_left;
}

OomScope OomParser::scope() const {
  const OomScope told = event_.scope.value_or(OomScope::cgroup);
  if (is_of_cgroup(told)) return has_hit_memory_and_swap() ? OomScope::memory_and_swap : told;
  if (event_.asked && event_.asked->by_sysrq) return OomScope::sysrq;
  if (told == OomScope::node && event_.oom_kill.empty()) {
    if (event_.asked && !event_.asked->policy_nodes.empty()) return OomScope::memory_policy;
    if (!event_.cpuset_nodes.empty()) return OomScope::cpuset;
  }
  const bool is_fragmented = told == OomScope::node && event_.asked && event_.dump.was_fragmented(*event_.asked);
  return is_fragmented ? OomScope::fragmentation : told;
}

std::optional<core::MemoryAtKill> OomParser::memory() const {
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
  if (has_hit_memory_and_swap()) {
    memory.memory_limit_bytes = std::exchange(memory.limit_bytes, usage("memory+swap").limit_bytes);
    const std::uint64_t both_bytes = *usage("memory+swap").usage_bytes, bytes = *usage("memory").usage_bytes;
    if (!memory.gauges.has(Gauge::swap)) memory.gauges.set(Gauge::swap, both_bytes - std::min(both_bytes, bytes));
  }
  if (memory.gauges.size() == 0 && !memory.limit_bytes) return std::nullopt;
  return memory;
}

void OomParser::add_dump(LoggedKill& kill) const {
  core::OomDump& dump = kill.dump;
  if (event_.asked && event_.asked->order >= 0) dump.order = event_.asked->order;
  if (event_.dump.processes() && event_.dump.processes()->count > 0) dump.processes = event_.dump.processes();
  if (is_of_cgroup(kill.scope)) return;
  dump.node = event_.dump.node();
  if (kill.scope != OomScope::cpuset && kill.scope != OomScope::memory_policy) return;
  if (!event_.oom_kill.empty()) {
    dump.numa_nodes = numa_nodes_of(event_.oom_kill);
  } else {
    dump.numa_nodes = kill.scope == OomScope::cpuset ? event_.cpuset_nodes : event_.asked->policy_nodes;
  }
}

/// The chosen one, of which the log does not say that it was killed.
void OomParser::take_chosen_for_killed() {
  LoggedKill& kill = event_.kill;
  kill.logged_at_us = event_.at_us;
  kill.victim_pid = event_.chosen.pid;
  kill.victim_comm = event_.chosen.comm;
  kill.victim_uid = event_.chosen.uid;
  kill.dump.is_end_told = false;
}

bool OomParser::has_begun() const {
  const bool is_told_now = line_message_ == OomMessage::oom_kill && tail_of(line_);
  return !event_.killed && (event_.chosen.pid || is_told_now);
}

/// Returns the kill, if there was one or one has begun, and resets the event.
std::optional<LoggedKill> OomParser::finish() {
  std::optional<LoggedKill> done;
  if (!event_.killed && event_.chosen.pid) take_chosen_for_killed();
  if (event_.killed || event_.chosen.pid) {
    LoggedKill& kill = done.emplace(std::move(event_.kill));
    kill.scope = scope();
    resolve_paths(kill);
    if (is_of_cgroup(kill.scope)) kill.memory = memory();
    if (!is_of_cgroup(kill.scope)) kill.limit_path.clear();
    add_dump(kill);
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
