// SPDX-License-Identifier: Apache-2.0
#include "kernel/oom_messages.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

using core::Gauge;
using core::LoggedKill;
using core::OomScope;

constexpr std::size_t kMaxText = 8192;  // of a line with its fragments
constexpr std::size_t kMaxComm = 15;
constexpr std::size_t kMaxPids = 65'536;  // that are told apart
constexpr std::size_t kMaxSplits = 64;    // that are tried where a separator occurs in a name too
constexpr std::uint64_t kMostBytes = std::uint64_t{1}
                                     << 56;  // what no machine has; five of them can be added up
// One printk() is cut off without a sign at 975 to 1023 bytes (it differs between kernels). A path is printed
// by one.
constexpr std::size_t kMayBeCutFrom = 960;
// The lines of one group kill follow each other at the pace of the console.
constexpr std::int64_t kGroupGapUs = 2'000'000;
constexpr std::int64_t kSameKillUs = 1'000'000;

constexpr std::string_view kInvoked = " invoked oom-killer: ";
constexpr std::string_view kTaskIn = "Task in ";
constexpr std::string_view kLimitOf = " killed as a result of limit of ";
constexpr std::string_view kLimitReached = "Memory limit reached of cgroup ";
constexpr std::string_view kStatsFor = "Memory cgroup stats for ";
constexpr std::string_view kOomKill = "oom-kill:constraint=";
constexpr std::string_view kTasksIn = "Tasks in ";
constexpr std::string_view kGroupEnd = " are going to be killed due to memory.oom.group set";
constexpr std::string_view kDigitsOfAList = "0123456789,-";

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// The number that the text begins with, and removes it.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number(text.substr(0, length));
  if (number) text.remove_prefix(length);
  return number;
}

std::optional<std::int64_t> pid_of(std::optional<std::uint64_t> number) {
  if (!number || *number == 0 || *number > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<std::int64_t> uid_of(std::optional<std::uint64_t> number) {
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<std::uint64_t> bytes_of_kib(std::optional<std::uint64_t> kib) {
  if (!kib || *kib >= kMostBytes / 1024) return std::nullopt;
  return *kib * 1024;
}

/// The number right behind a word in a text that only the kernel wrote.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + word.size());
  return take_number(text);
}

/// Removes ",word=NUMBER" from the end of a text.
std::optional<std::uint64_t> take_number_at_end(std::string_view& text, std::string_view word) {
  const std::size_t at = text.rfind(word);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view digits = text.substr(at + word.size());
  const auto number = take_number(digits);
  if (!number || !digits.empty()) return std::nullopt;
  text = text.substr(0, at);
  return number;
}

bool is_whole_path(std::string_view path) {
  return path.starts_with('/') && path.size() < kMayBeCutFrom;
}

bool is_below_or_same(std::string_view path, std::string_view ancestor) {
  if (ancestor == "/") return path.starts_with('/');
  return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

struct Paths {
  std::string_view limit, victim;
};

/// Two paths with a separator between that may occur in either: the victim's cgroup is that of the limit or
/// below it.
std::optional<Paths> split_paths(std::string_view text, std::string_view separator, bool limit_first) {
  std::optional<Paths> only, plausible, same;
  std::size_t count = 0, plausible_count = 0, same_count = 0;
  for (std::size_t at = text.find(separator); at != std::string_view::npos && count < kMaxSplits;
       at = text.find(separator, at + 1)) {
    Paths paths{.limit = text.substr(0, at), .victim = text.substr(at + separator.size())};
    if (!limit_first) std::swap(paths.limit, paths.victim);
    ++count;
    only = paths;
    if (!is_whole_path(paths.limit) || !is_whole_path(paths.victim)) continue;
    if (!is_below_or_same(paths.victim, paths.limit)) continue;
    ++plausible_count;
    plausible = paths;
    if (paths.victim == paths.limit) {
      ++same_count;
      same = paths;
    }
  }
  if (plausible_count == 1) return plausible;
  if (same_count == 1) return same;
  if (count == 1) return only;
  return std::nullopt;
}

struct Killing {
  std::optional<OomScope> scope;
  std::string_view rest;  // from "Kill process", "Killed process" on
};

/// "Memory cgroup out of memory: ", "Out of memory: ", "Out of memory (oom_kill_allocating_task): ", or
/// nothing.
Killing killing_of(std::string_view text) {
  Killing killing;
  if (drop_prefix(text, "Memory cgroup out of memory")) {
    killing.scope = OomScope::cgroup;
  } else if (drop_prefix(text, "Out of memory")) {
    killing.scope = OomScope::node;
  }
  if (killing.scope) {
    drop_prefix(text, " (oom_kill_allocating_task)");
    if (!drop_prefix(text, ": ")) return {};
  }
  killing.rest = text;
  return killing;
}

/// "usage 20480kB, limit 20480kB, failcnt 19".
struct UsageAndLimit {
  std::optional<std::uint64_t> usage_bytes, limit_bytes;
};
UsageAndLimit parse_usage(std::string_view text) {
  return {
      .usage_bytes = bytes_of_kib(number_after(text, "usage ")),
      .limit_bytes = bytes_of_kib(number_after(text, ", limit "))};  // "none" is 2^53 kB less a page, or 2^54
}

template <class Key>
void take_stat(core::Values<Key>& values, const KeyTable<Key>& table, std::string_view key,
               std::uint64_t bytes, bool sum) {
  const auto known = table.find(key);
  if (!known) return;
  const std::uint64_t total = sum ? values.value_or(*known, 0) + bytes : bytes;
  if (total < kMostBytes) values.set(*known, total);
}

/// What precedes ",oom_memcg=" or ",global_oom" is the kernel's, unless that stands in the name of the
/// cpuset.
bool ends_in_a_node_list(std::string_view text) {
  if (text.ends_with("nodemask=(null)")) return true;
  const std::size_t end = text.find_last_not_of(kDigitsOfAList);
  if (end == std::string_view::npos) return false;
  text = text.substr(0, end + 1);
  return text.ends_with(",mems_allowed=") || text.ends_with(",nodemask=");
}

/// The paths in "oom-kill:constraint=..." up to the ",task=".
Paths paths_of_context(std::string_view text, OomScope scope) {
  const std::string_view word = scope == OomScope::node ? ",global_oom,task_memcg=" : ",oom_memcg=";
  std::size_t tries = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos && tries < kMaxSplits;
       at = text.find(word, at + 1), ++tries) {
    if (!ends_in_a_node_list(text.substr(0, at))) continue;
    const std::string_view rest = text.substr(at + word.size());
    if (scope == OomScope::node) return {.limit = {}, .victim = rest};
    if (const auto paths = split_paths(rest, ",task_memcg=", /*limit_first=*/true)) return *paths;
  }
  return {};
}

std::optional<OomScope> scope_of_constraint(std::string_view oom_kill) {
  oom_kill.remove_prefix(kOomKill.size());
  const std::size_t end = oom_kill.find(',');
  if (end == std::string_view::npos) return std::nullopt;
  return oom_kill.substr(0, end) == "CONSTRAINT_MEMCG" ? OomScope::cgroup : OomScope::node;
}

struct OomKillTail {
  std::string_view before;  // ...,task=C
  std::optional<std::int64_t> pid, uid;
};
std::optional<OomKillTail> tail_of(std::string_view oom_kill) {
  OomKillTail tail;
  tail.uid = uid_of(take_number_at_end(oom_kill, ",uid="));
  tail.pid = pid_of(take_number_at_end(oom_kill, ",pid="));
  tail.before = oom_kill;
  if (!tail.pid || !tail.uid) return std::nullopt;
  return tail;
}

/// Without the ",task=C" at its end; "" when there is none.
std::string_view without_task(std::string_view text, const std::string& comm) {
  constexpr std::string_view kTask = ",task=";
  if (!comm.empty() && text.ends_with(std::string(kTask) + comm))
    return text.substr(0, text.size() - kTask.size() - comm.size());
  const std::size_t from = text.size() > kMaxComm + kTask.size() ? text.size() - kMaxComm - kTask.size() : 0;
  const std::size_t at = text.find(kTask, from);
  return at == std::string_view::npos ? std::string_view{} : text.substr(0, at);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string unescaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && i + 3 < text.size() && text[i + 1] == 'x') {
      const int high = hex_digit(text[i + 2]);
      const int low = hex_digit(text[i + 3]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        i += 3;
      }
    }
    if (c == '\0') break;
    result += c;
  }
  return result;
}

}  // namespace

std::optional<LogRecord> parse_record(std::string_view raw) {
  LogRecord record;
  const auto priority = take_number(raw);
  if (!priority || *priority > std::numeric_limits<std::uint32_t>::max() || !drop_prefix(raw, ","))
    return std::nullopt;
  record.priority = static_cast<unsigned>(*priority);
  const auto sequence = take_number(raw);
  if (!sequence || !drop_prefix(raw, ",")) return std::nullopt;
  record.sequence = *sequence;
  const auto at_us = take_number(raw);
  if (!at_us || !drop_prefix(raw, ",")) return std::nullopt;
  record.at_us = static_cast<std::int64_t>(*at_us);
  const std::size_t end_of_prefix = raw.find(';');
  const std::size_t end_of_line = std::min(raw.find('\n'), raw.size());
  if (end_of_prefix == 0 || end_of_prefix >= end_of_line) return std::nullopt;
  record.continued = raw[0] == 'c' || raw[0] == '+';
  record.text =
      unescaped(raw.substr(end_of_prefix + 1, std::min(end_of_line - end_of_prefix - 1, 4 * kMaxText)));
  if (record.text.size() > kMaxText) record.text.resize(kMaxText);
  return record;
}

std::optional<OomParser::Chosen> OomParser::parse_chosen(std::string_view text) {
  Killing killing = killing_of(text);
  if (!killing.scope || !drop_prefix(killing.rest, "Kill process ")) return std::nullopt;
  const auto pid = pid_of(take_number(killing.rest));
  if (!pid || !killing.rest.starts_with(" (")) return std::nullopt;
  if (killing.rest.find(") score ") == std::string_view::npos) return std::nullopt;
  return Chosen{.scope = *killing.scope, .pid = *pid};
}

std::optional<OomParser::Killed> OomParser::parse_killed(std::string_view text) {
  Killing killing = killing_of(text);
  std::string_view& rest = killing.rest;
  if (!drop_prefix(rest, "Killed process ")) return std::nullopt;
  const auto pid = pid_of(take_number(rest));
  if (!pid || !drop_prefix(rest, " (")) return std::nullopt;
  // What follows the name is the kernel's own and has no bracket; a name may be "x) total-vm:0kB".
  const std::size_t end = rest.rfind(')');
  if (end == std::string_view::npos) return std::nullopt;
  Killed killed{.scope = killing.scope,
                .pid = *pid,
                .comm = rest.substr(0, std::min(end, kMaxComm)),
                .uid = {},
                .sizes = rest.substr(end + 1)};
  killed.uid = uid_of(number_after(killed.sizes, ", UID:"));
  if (!killed.uid) killed.uid = uid_of(number_after(killed.sizes, ", UID "));  // Red Hat's 3.10
  return killed;
}

OomParser::Message OomParser::message_of(std::string_view text) {
  // First, since it begins with what a process is called: "Task in /x" would be a name.
  if (const std::size_t at = text.find(kInvoked); at <= kMaxComm) return Message::invoked;
  switch (text.empty() ? '\0' : text.front()) {
    case 'T':
      if (text.starts_with(kTaskIn)) return Message::task_in;
      if (text.starts_with(kTasksIn)) return Message::group;
      break;
    case 'm':
      if (text.starts_with("memory: usage ")) return Message::memory;
      if (text.starts_with("memory+swap: usage ")) return Message::memory_swap;
      break;
    case 's':
      if (text.starts_with("swap: usage ")) return Message::swap;
      break;
    case 'k':
      if (text.starts_with("kmem: usage ")) return Message::kmem;
      break;
    case 'o':
      if (text.starts_with(kOomKill)) return Message::oom_kill;
      break;
    case 'M':
      if (text.starts_with(kStatsFor)) return Message::stats;
      if (text.starts_with(kLimitReached)) return Message::limit_reached;
      [[fallthrough]];
    case 'K':
    case 'O':
      if (parse_killed(text)) return Message::killed;
      if (parse_chosen(text)) return Message::kill;
      if (killing_of(text).rest.starts_with("OOM victim ")) return Message::skipped;
      break;
    default:
      break;
  }
  return Message::other;
}

std::optional<LoggedKill> OomParser::take(const LogRecord& record) {
  if (record.priority >> 3 != 0) return std::nullopt;  // written by user space, which can write anything else
  const std::string_view text = std::string_view(record.text).substr(0, kMaxText);
  const Message message = message_of(text);
  if (message == Message::other) {
    if (is_fragment(record)) {
      line_.append(text.substr(0, kMaxText - line_.size()));
      event_.kill.sequence = record.sequence;
    } else if (event_.in_stats && !record.continued) {
      take_stats(text);
    }
    return std::nullopt;
  }

  close_line();
  event_.in_stats = false;
  bool next = event_.killed;
  switch (message) {
    case Message::killed:
      return take_killed(record, *parse_killed(text));
    case Message::kill:
      return take_chosen(record, *parse_chosen(text));
    case Message::skipped:
      if (!event_.killed) event_ = Event{};  // else it is one of the group
      return std::nullopt;
    case Message::invoked:
      next = true;
      break;
    case Message::group:
      next = event_.group;
      break;
    case Message::oom_kill:
      next = event_.killed || event_.chosen_pid;
      break;
    default:
      break;
  }
  std::optional<LoggedKill> done;
  if (next) done = finish();
  note(record);
  switch (message) {
    case Message::memory: {
      const UsageAndLimit memory = parse_usage(text);
      event_.usage_bytes = memory.usage_bytes;
      event_.limit_bytes = memory.limit_bytes;
      break;
    }
    case Message::swap:
      event_.swap_bytes = parse_usage(text).usage_bytes;
      break;
    case Message::memory_swap:
      event_.memory_swap_bytes = parse_usage(text).usage_bytes;
      break;
    case Message::kmem:
      event_.kmem_bytes = parse_usage(text).usage_bytes;
      break;
    case Message::stats:
    case Message::group:
      (message == Message::stats ? event_.in_stats : event_.group) = true;
      [[fallthrough]];
    case Message::task_in:
    case Message::limit_reached:
    case Message::oom_kill:
      line_message_ = message;
      line_ = text;
      break;
    default:
      break;
  }
  return done;
}

/// Whether the record is the rest of the line that was begun. From Linux 4.9 on a fragment says so; before,
/// it may also be the begin of another line, which is a message then.
bool OomParser::is_fragment(const LogRecord& record) const {
  if (line_.size() >= kMaxText) return false;
  switch (line_message_) {
    case Message::oom_kill:
      return record.continued && !tail_of(line_);
    case Message::group:
      return record.continued && !line_.ends_with(kGroupEnd);
    case Message::task_in:
      // Linux 3.15 to 4.x begin a new record in the middle of the line.
      return record.continued ||
             (record.text.starts_with(kLimitOf) && line_.find(kLimitOf) == std::string::npos);
    case Message::limit_reached:
    case Message::stats:
      return record.continued;
    default:
      return false;
  }
}

/// The line is as complete as it gets.
void OomParser::close_line() {
  const std::string line = std::exchange(line_, {});
  switch (std::exchange(line_message_, Message::other)) {
    case Message::task_in:
      event_.task_in = line;
      event_.scope = OomScope::cgroup;
      break;
    case Message::limit_reached: {
      const std::string path = line.substr(kLimitReached.size());
      event_.scope = OomScope::cgroup;
      if (is_whole_path(path)) event_.kill.limit_path = path;
      break;
    }
    case Message::stats:
      take_stats_line(line);
      break;
    case Message::oom_kill:
      event_.oom_kill = line;
      event_.scope = scope_of_constraint(line);
      if (const auto tail = tail_of(line)) {
        event_.chosen_pid = tail->pid;
        event_.chosen_uid = tail->uid;
      }
      break;
    case Message::group:
      if (line.ends_with(kGroupEnd)) {
        const std::string path =
            line.substr(kTasksIn.size(), line.size() - kTasksIn.size() - kGroupEnd.size());
        if (is_whole_path(path)) event_.kill.group_path = path;
      }
      break;
    default:
      break;
  }
}

/// The record is one of the event.
void OomParser::note(const LogRecord& record) {
  event_.kill.sequence = record.sequence;
  event_.at_us = record.at_us;
}

std::optional<LoggedKill> OomParser::take_chosen(const LogRecord& record, const Chosen& chosen) {
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

/// Whether this "Killed process" line is one of the event that was begun.
bool OomParser::belongs(const LogRecord& record, const Killed& killed) const {
  if (killed.scope && event_.scope && killed.scope != event_.scope) return false;
  if (event_.killed) return event_.group && record.at_us - event_.at_us <= kGroupGapUs;
  if (!event_.chosen_pid || event_.chosen_pid == killed.pid || event_.chosen_told) return true;
  // Either another kill, which was not dumped, after a dump whose victim was exiting by itself; or another
  // thread of the victim, whose first one had exited.
  const auto tail = tail_of(event_.oom_kill);
  return tail && tail->before.ends_with(",task=" + std::string(killed.comm)) &&
         record.at_us - event_.at_us <= kSameKillUs;
}

std::optional<LoggedKill> OomParser::take_killed(const LogRecord& record, const Killed& killed) {
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
  if (event_.pids.size() >= kMaxPids ? !event_.pids.contains(killed.pid)
                                     : event_.pids.insert(killed.pid).second) {
    ++kill.process_count;
  }
  note(record);
  return done;
}

/// One key, or all of them in one record, of which the end may have been cut off.
void OomParser::take_stats(std::string_view text) {
  if (text.starts_with('[') || text.starts_with("Tasks state")) event_.in_stats = false;
  if (text.size() >= kMayBeCutFrom) text = text.substr(0, text.rfind('\n') + 1);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const auto bytes = parse_number(line.substr(space + 1));
    if (!bytes) continue;
    take_stat(event_.v1_stat, v1::kStat, line.substr(0, space), *bytes, /*sum=*/false);
    take_stat(event_.v2_stat, v2::kStat, line.substr(0, space), *bytes, /*sum=*/false);
  }
}

/// "Memory cgroup stats for P: cache:0KB rss:511000KB ...", a line for every cgroup of the tree, each for
/// itself alone.
void OomParser::take_stats_line(std::string_view text) {
  const std::size_t begin = text.rfind(": cache:");
  if (begin == std::string_view::npos) return;
  event_.in_stats = false;
  text.remove_prefix(begin + 2);
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const std::size_t colon = word.find(':');
    if (colon == std::string_view::npos || !word.ends_with("KB")) continue;
    const auto bytes = bytes_of_kib(parse_number(word.substr(colon + 1, word.size() - colon - 3)));
    if (bytes) take_stat(event_.v1_stat, v1::kStat, word.substr(0, colon), *bytes, /*sum=*/true);
  }
}

void OomParser::resolve_paths(LoggedKill& kill) const {
  Paths paths;
  if (!event_.oom_kill.empty() && event_.scope) {
    if (const auto tail = tail_of(event_.oom_kill)) {
      paths = paths_of_context(without_task(tail->before, kill.victim_comm), *event_.scope);
    }
  } else if (!event_.task_in.empty()) {
    const std::string_view text = std::string_view(event_.task_in).substr(kTaskIn.size());
    if (const auto split = split_paths(text, kLimitOf, /*limit_first=*/false)) paths = *split;
  }
  if (is_whole_path(paths.limit)) kill.limit_path = paths.limit;
  if (is_whole_path(paths.victim)) kill.victim_path = paths.victim;
}

std::optional<core::MemoryAtKill> OomParser::memory() const {
  core::MemoryAtKill memory;
  const bool old_keys = event_.v1_stat.has(v1::Stat::cache) || event_.v1_stat.has(v1::Stat::total_cache);
  memory.gauges = old_keys ? v1::sample_of(event_.v1_stat).gauges : v2::sample_of(event_.v2_stat).gauges;
  memory.gauges.set(Gauge::usage, event_.usage_bytes);
  if (event_.swap_bytes) memory.gauges.set(Gauge::swap, event_.swap_bytes);
  // Linux 4 prints v1's counters, which are not in use, for a cgroup v2 too.
  const bool counted = event_.kmem_bytes.value_or(0) > 0 || event_.memory_swap_bytes.value_or(0) > 0;
  if (event_.kmem_bytes && counted) memory.gauges.set(Gauge::kernel, event_.kmem_bytes);
  memory.limit_bytes = event_.limit_bytes;
  if (memory.gauges.size() == 0 && !memory.limit_bytes) return std::nullopt;
  return memory;
}

/// The kill, if there was one, and forgets everything.
std::optional<LoggedKill> OomParser::finish() {
  std::optional<LoggedKill> done;
  if (event_.killed) {
    LoggedKill kill = std::move(event_.kill);
    kill.scope = event_.scope.value_or(OomScope::cgroup);
    resolve_paths(kill);
    if (kill.scope == OomScope::cgroup) {
      kill.memory = memory();
    } else {
      kill.limit_path.clear();
    }
    done = std::move(kill);
  }
  event_ = Event{};
  return done;
}

std::optional<LoggedKill> OomParser::flush() {
  if (!event_.killed) return std::nullopt;
  close_line();
  return finish();
}

std::optional<LoggedKill> OomParser::lost_records() {
  close_line();
  return finish();
}

}  // namespace cgmm::kernel
